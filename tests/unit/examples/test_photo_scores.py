from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter

from make_photos import KEEPERS, TRUNCATED, make_photos
from photo_scores import Exposure, Scores, exposure_of, flaw_of, sharpness_of
from processing_worker import look_at, photos_in


def stripes() -> Image.Image:
    image = Image.new("L", (64, 64), 90)
    draw = ImageDraw.Draw(image)
    for x in range(0, 64, 8):
        draw.rectangle((x, 0, x + 3, 63), fill=160)
    return image


def scores(
    *, sharpness: float = 400, mean: float = 120, dark: float = 0, light: float = 0
) -> Scores:
    return Scores(sharpness=sharpness, exposure=Exposure(mean=mean, shadows=dark, highlights=light))


def test_a_flat_picture_has_no_sharpness() -> None:
    assert sharpness_of(Image.new("L", (64, 64), 128)) == 0


def test_blur_lowers_the_sharpness() -> None:
    blurred = stripes().filter(ImageFilter.GaussianBlur(3))

    assert sharpness_of(blurred) < sharpness_of(stripes()) / 10


def test_exposure_counts_clipped_ends_and_the_mean() -> None:
    histogram = [0] * 256
    histogram[0], histogram[100], histogram[255] = 1, 2, 1

    exposure = exposure_of(histogram)

    assert exposure == Exposure(mean=(0 + 200 + 255) / 4, shadows=0.25, highlights=0.25)


@pytest.mark.parametrize("histogram", [[1] * 255, [0] * 256])
def test_a_histogram_without_256_counts_or_pixels_is_refused(histogram: list[int]) -> None:
    with pytest.raises(ValueError, match="256 counts"):
        exposure_of(histogram)


def test_the_flaw_is_named() -> None:
    assert flaw_of(scores()) is None
    assert flaw_of(scores(sharpness=3)) == "out of focus"
    assert flaw_of(scores(mean=230)) == "overexposed"
    assert flaw_of(scores(light=0.5)) == "overexposed"
    assert flaw_of(scores(mean=12)) == "underexposed"
    assert flaw_of(scores(dark=0.5)) == "underexposed"


def test_the_painted_shoot_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = make_photos(tmp_path / "a"), make_photos(tmp_path / "b")

    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_the_painted_shoot_has_keepers_each_flaw_and_one_broken_file(tmp_path: Path) -> None:
    make_photos(tmp_path)
    flaws, broken = [], []
    for path in photos_in(tmp_path):
        try:
            flaws.append(flaw_of(look_at(path)))
        except OSError:
            broken.append(path.name)

    assert broken == [f"IMG_{TRUNCATED:04d}.jpg"]
    assert flaws.count(None) == KEEPERS
    assert {"out of focus", "overexposed", "underexposed"} <= set(flaws)
