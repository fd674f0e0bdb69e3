"""Paint a small shoot of twelve pictures, so that nobody's photographs need to be shipped.

    python examples/make_photos.py FOLDER

Every picture is drawn from a seed and is the same each time. Seven are keepers; two are out of
focus, one is overexposed, one underexposed, and one file is truncated as after a bad card reader.
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

SIZE: Final = (960, 640)
HORIZON: Final = 400  # pixels from the top
Colour = tuple[int, int, int]


def _gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    return ImageOps.colorize(Image.linear_gradient("L").resize(size), top, bottom)


def _grain(image: Image.Image, rng: random.Random, strength: float) -> Image.Image:
    """Add the texture that a sensor and real surfaces have."""
    noise = Image.frombytes("L", image.size, rng.randbytes(image.width * image.height))
    noisy = ImageChops.overlay(image, Image.merge("RGB", (noise, noise, noise)))
    return Image.blend(image, noisy, strength)


def _sky(rng: random.Random, top: Colour, bottom: Colour, sun: Colour | None) -> Image.Image:
    image = _gradient(SIZE, top, bottom)
    draw = ImageDraw.Draw(image)
    if sun:
        x, y, r = rng.randint(200, 760), rng.randint(90, 240), rng.randint(28, 60)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=sun)
    clouds = Image.new("L", SIZE)
    pen = ImageDraw.Draw(clouds)
    for _ in range(14):
        x, y, w = rng.randint(-80, 960), rng.randint(30, 260), rng.randint(90, 260)
        pen.ellipse((x, y, x + w, y + w // 6), fill=rng.randint(60, 150))
    clouds = clouds.filter(ImageFilter.GaussianBlur(14))
    return Image.composite(Image.new("RGB", SIZE, (250, 244, 238)), image, clouds)


def _ridge(image: Image.Image, rng: random.Random, height: int, colour: Colour) -> None:
    """Draw one chain of hills that fills the picture below it."""
    points, y = [(0, SIZE[1])], float(height)
    for x in range(0, SIZE[0] + 24, 24):
        y = min(max(y + rng.uniform(-22, 22), height - 90), height + 60)
        points.append((x, int(y)))
    ImageDraw.Draw(image).polygon([*points, (SIZE[0] + 24, SIZE[1])], fill=colour)


def _hills(rng: random.Random) -> Image.Image:
    image = _sky(rng, (88, 138, 196), (232, 214, 186), (255, 246, 220))
    for height, colour in ((330, (116, 136, 150)), (400, (84, 112, 92)), (490, (58, 84, 52))):
        _ridge(image, rng, height, colour)
    return image


def _sea(rng: random.Random) -> Image.Image:
    image = _sky(rng, (70, 84, 140), (244, 168, 104), (255, 232, 180))
    image.paste(
        _gradient((SIZE[0], SIZE[1] - HORIZON), (206, 142, 108), (36, 60, 92)), (0, HORIZON)
    )
    draw = ImageDraw.Draw(image)
    for _ in range(420):  # glitter on the waves, longer towards the viewer
        y = rng.randint(HORIZON + 4, SIZE[1] - 1)
        x, w = rng.randint(0, SIZE[0]), 4 + (y - HORIZON) // 6
        draw.line((x, y, x + w, y), fill=(238, 196, 150) if rng.random() < 0.5 else (40, 58, 86))
    return image


def _city(rng: random.Random) -> Image.Image:
    image = _sky(rng, (60, 70, 120), (214, 150, 136), None)
    draw = ImageDraw.Draw(image)
    x = 0
    while x < SIZE[0]:
        w, top, shade = rng.randint(50, 110), rng.randint(150, 380), rng.randint(44, 84)
        draw.rectangle((x, top, x + w, SIZE[1]), fill=(shade, shade, shade + 16))
        for wy in range(top + 12, SIZE[1] - 12, 18):
            for wx in range(x + 8, x + w - 8, 14):
                if rng.random() < 0.45:
                    draw.rectangle((wx, wy, wx + 6, wy + 9), fill=(246, 214, 130))
        x += w + rng.randint(0, 8)
    return image


def _meadow(rng: random.Random) -> Image.Image:
    image = _sky(rng, (110, 168, 222), (226, 236, 240), (255, 250, 226))
    image.paste(
        _gradient((SIZE[0], SIZE[1] - HORIZON), (128, 158, 84), (64, 104, 48)), (0, HORIZON)
    )
    draw = ImageDraw.Draw(image)
    petals = ((226, 84, 74), (244, 206, 84), (198, 120, 206), (250, 246, 240))
    for _ in range(700):
        x, y = rng.randint(0, SIZE[0]), rng.randint(HORIZON + 6, SIZE[1])
        r = 2 + (y - HORIZON) // 40
        draw.line((x, y, x + rng.randint(-3, 3), y + 4 * r), fill=(50, 88, 40), width=2)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=rng.choice(petals))
    return image


def _portrait(rng: random.Random) -> Image.Image:
    image = _gradient(SIZE, (150, 132, 118), (96, 84, 82))
    pen = ImageDraw.Draw(image)
    for _ in range(40):  # lights out of focus in the background
        x, y, r = rng.randint(0, SIZE[0]), rng.randint(0, SIZE[1]), rng.randint(12, 40)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(214, 186, 142))
    image = image.filter(ImageFilter.GaussianBlur(9))
    pen = ImageDraw.Draw(image)
    pen.ellipse((290, 470, 670, 900), fill=(52, 74, 112))
    pen.rectangle((445, 380, 515, 500), fill=(206, 158, 128))
    pen.ellipse((380, 150, 580, 420), fill=(222, 174, 142))
    for _ in range(900):  # hair, strand by strand
        x = rng.randint(372, 588)
        shade = rng.randint(30, 84)
        pen.line(
            (480, 140, x, rng.randint(170, 270 + abs(x - 480))),
            fill=(shade, shade - 12, shade - 20),
        )
    for eye in (436, 524):
        pen.ellipse((eye - 16, 288, eye + 16, 304), fill=(246, 242, 236))
        pen.ellipse((eye - 7, 288, eye + 7, 304), fill=(58, 42, 30))
    pen.arc((440, 330, 520, 380), 20, 160, fill=(150, 70, 66), width=6)
    return image


def _as_shot(image: Image.Image, rng: random.Random) -> Image.Image:
    return _grain(image, rng, 0.22)


def _out_of_focus(image: Image.Image, rng: random.Random) -> Image.Image:
    return _grain(image.filter(ImageFilter.GaussianBlur(7)), rng, 0.02)


def _overexposed(image: Image.Image, rng: random.Random) -> Image.Image:
    return ImageEnhance.Brightness(_as_shot(image, rng)).enhance(2.6)


def _underexposed(image: Image.Image, rng: random.Random) -> Image.Image:
    return ImageEnhance.Brightness(_as_shot(image, rng)).enhance(0.12)


Scene = Callable[[random.Random], Image.Image]
Camera = Callable[[Image.Image, random.Random], Image.Image]

SHOOT: Final[tuple[tuple[Scene, Camera], ...]] = (
    (_hills, _as_shot),
    (_sea, _as_shot),
    (_sea, _out_of_focus),
    (_portrait, _as_shot),
    (_portrait, _overexposed),
    (_city, _as_shot),
    (_meadow, _as_shot),
    (_meadow, _out_of_focus),
    (_hills, _as_shot),  # its file is truncated below
    (_city, _underexposed),
    (_hills, _as_shot),
    (_portrait, _as_shot),
)
TRUNCATED: Final = 9  # number of the picture whose file ends too early
KEEPERS: Final = 7


def make_photos(folder: Path) -> list[Path]:
    """Write the twelve pictures into `folder`, which is created if missing; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (scene, camera) in enumerate(SHOOT, start=1):
        rng = random.Random(number)  # noqa: S311  # pictures, not secrets
        file = io.BytesIO()
        camera(scene(rng), rng).save(file, "JPEG", quality=88)
        data = file.getvalue()
        path = folder / f"IMG_{number:04d}.jpg"
        path.write_bytes(data[: len(data) // 3] if number == TRUNCATED else data)
        paths.append(path)
    return paths


def main() -> None:
    """Run as a command."""
    parser = argparse.ArgumentParser(description="Paint a small shoot of twelve pictures.")
    parser.add_argument("folder", type=Path, help="where to put them; created if missing")
    folder = parser.parse_args().folder
    print(f"{len(make_photos(folder))} pictures in {folder}")


if __name__ == "__main__":
    main()
