"""How good a photograph is: sharpness and exposure, from its pixels. PURE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import ImageFilter, ImageStat

if TYPE_CHECKING:
    from PIL import Image

MIN_SHARPNESS: Final = 25.0  # variance of the Laplacian; below it the subject is out of focus
MAX_CLIPPED: Final = 0.25  # share of pixels that are pure black or pure white
MEAN_RANGE: Final = (45.0, 205.0)  # mean brightness of a usable exposure, 0 to 255
_SHADOWS: Final = 4  # brightness up to this is black to the eye
_HIGHLIGHTS: Final = 251  # and from this on white

_LAPLACIAN = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What a brightness histogram says.

    Attributes:
        mean: mean brightness, 0 (black) to 255 (white).
        shadows: share of pixels without detail in the dark, 0 to 1.
        highlights: share of pixels without detail in the light, 0 to 1.
    """

    mean: float
    shadows: float
    highlights: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The scores of one photograph; `sharpness` is the variance of its Laplacian."""

    sharpness: float
    exposure: Exposure


def sharpness_of(image: Image.Image) -> float:
    """Return the variance of the Laplacian of a greyscale image: edges are what focus makes."""
    edges = image.filter(_LAPLACIAN).crop((1, 1, image.width - 1, image.height - 1))
    return float(ImageStat.Stat(edges).var[0])


def exposure_of(histogram: Sequence[int]) -> Exposure:
    """Return the exposure of a brightness histogram of 256 counts.

    Raises:
        ValueError: the histogram has another length or counts no pixel.
    """
    total = sum(histogram)
    if len(histogram) != 256 or not total:
        raise ValueError("a brightness histogram has 256 counts, of at least one pixel")
    return Exposure(
        mean=sum(level * count for level, count in enumerate(histogram)) / total,
        shadows=sum(histogram[: _SHADOWS + 1]) / total,
        highlights=sum(histogram[_HIGHLIGHTS:]) / total,
    )


def scores_of(image: Image.Image) -> Scores:
    """Return the scores of an image of any mode."""
    grey = image.convert("L")
    return Scores(sharpness=sharpness_of(grey), exposure=exposure_of(grey.histogram()))


def flaw_of(scores: Scores) -> str | None:
    """Return why a photograph is not worth keeping, in words for people; None for a keeper."""
    exposure = scores.exposure
    if exposure.mean > MEAN_RANGE[1] or exposure.highlights > MAX_CLIPPED:
        return "overexposed"
    if exposure.mean < MEAN_RANGE[0] or exposure.shadows > MAX_CLIPPED:
        return "underexposed"
    if scores.sharpness < MIN_SHARPNESS:
        return "out of focus"
    return None
