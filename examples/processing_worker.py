"""A processing worker: looks at every photograph of a folder and tells the user's devices.

    python examples/processing_worker.py FOLDER --user maya --url http://127.0.0.1:5000
    python examples/processing_worker.py FOLDER --user maya --amqp-url amqp://guest:guest@localhost

Each photograph is decoded, shrunk to a thumbnail and scored; devices see the progress live. A file
that cannot be decoded is reported and skipped. Standard output has one JSON line per photograph,
for the next program in a pipe (`billing_service.py follow`); people read standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from event_publisher import EventPublisher, PublishFailed, open_publisher
from kull_producers import KullError
from kull_producers.events.models import Status
from photo_scores import Scores, flaw_of, scores_of
from running_eta import RunningEta

PROVIDER: Final = "Local"
THUMBNAIL: Final = (512, 512)  # pixels; scores are taken from it, so that all cameras compare
SUFFIXES: Final = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif"}


class ShootFailed(Exception):
    """The shoot cannot be processed; the message is what the user's devices show."""


@dataclass(slots=True, kw_only=True)
class Shoot:
    """One run over a folder, and what came of it so far."""

    user: str
    id: str
    folder: Path
    pace: float = 0.0  # least seconds per photograph
    total: int = 0
    processed: int = 0
    keepers: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def photos_in(folder: Path) -> list[Path]:
    """Return the photographs below a folder, in order of their paths.

    Raises:
        ShootFailed: there is no such folder, or it holds no photograph.
    """
    if not folder.is_dir():
        raise ShootFailed(f"there is no folder {folder.name!r}")
    photos = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not photos:
        raise ShootFailed(f"the folder {folder.name!r} holds no photographs")
    return photos


def look_at(path: Path) -> Scores:
    """Decode a photograph the right way up, shrink it and score it.

    Raises:
        OSError: the file cannot be read or is no whole picture.
    """
    try:
        with Image.open(path) as image:
            image.draft("RGB", (2 * THUMBNAIL[0], 2 * THUMBNAIL[1]))
            picture = ImageOps.exif_transpose(image)
            picture.thumbnail(THUMBNAIL)
            return scores_of(picture)
    except UnidentifiedImageError:
        raise OSError("not a picture") from None
    except (ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise OSError(str(error)) from error  # Pillow's decoders raise these for broken files


async def process(shoot: Shoot, publisher: EventPublisher) -> None:
    """Process the shoot; its last event is `completed`, or `failed` with the reason.

    Raises:
        ShootFailed: after the `failed` event was published.
    """
    try:
        photos = photos_in(shoot.folder)
        shoot.total = len(photos)
        await tell(shoot, publisher, "queued")
        await _look_at_all(shoot, photos, publisher)
        if len(shoot.skipped) == shoot.total:
            raise ShootFailed(f"none of the {shoot.total} files could be decoded")
    except ShootFailed as failure:
        await tell(shoot, publisher, "failed", error=str(failure))
        raise
    except asyncio.CancelledError:
        await tell(shoot, publisher, "failed", error="the worker was stopped")
        raise
    note = f"skipped, cannot be decoded: {', '.join(shoot.skipped)}"[:500]
    await tell(shoot, publisher, "completed", error=note if shoot.skipped else None)


async def _look_at_all(shoot: Shoot, photos: list[Path], publisher: EventPublisher) -> None:
    eta = RunningEta(len(photos), now=time.monotonic())
    for path in photos:
        started = time.monotonic()
        verdict = await asyncio.to_thread(_verdict, path)  # decoding must not stop the heartbeats
        await asyncio.sleep(max(0.0, shoot.pace - (time.monotonic() - started)))
        shoot.processed += 1
        if verdict["verdict"] == "keep":
            shoot.keepers.append(path.name)
        elif verdict["verdict"] == "broken":
            shoot.skipped.append(path.name)
            print(f"skipped {path.name}: {verdict['why']}", file=sys.stderr)
        seconds = eta.item_done(now=time.monotonic())
        await tell(shoot, publisher, "processing", image=path.name, eta=seconds)
        print(json.dumps({"shoot": shoot.id, "image": path.name, **verdict}), flush=True)


def _verdict(path: Path) -> dict[str, str | float]:
    try:
        scores = look_at(path)
    except OSError as error:
        return {"verdict": "broken", "why": str(error)}
    facts = {"sharpness": round(scores.sharpness, 1), "brightness": round(scores.exposure.mean, 1)}
    flaw = flaw_of(scores)
    return {"verdict": "reject", "why": flaw, **facts} if flaw else {"verdict": "keep", **facts}


async def tell(
    shoot: Shoot,
    publisher: EventPublisher,
    status: Status,
    *,
    image: str | None = None,
    eta: float | None = None,
    error: str | None = None,
) -> None:
    """Publish where the shoot stands."""
    await publisher.shoot_progress(
        user_id=shoot.user,
        shoot_id=shoot.id,
        status=status,
        processed_count=shoot.processed,
        total_count=shoot.total,
        current_image=image,
        eta=eta,
        provider=PROVIDER,
        error_message=error,
    )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Process a folder of photographs.")
    parser.add_argument("folder", type=Path, help="looked through with all folders below it")
    parser.add_argument("--user", default="maya", help="whose devices to tell (maya)")
    parser.add_argument("--shoot", help="id of the shoot (the folder's name)")
    parser.add_argument("--amqp-url", default=os.environ.get("KULL_AMQP_URL"), help="RabbitMQ")
    parser.add_argument("--url", help="HTTP triggers of a `kull up`; needs KULL_SERVICE_TOKEN")
    parser.add_argument(
        "--pace", type=float, default=0.0, help="least seconds per photograph, to watch it (0)"
    )
    return parser.parse_args()


async def run(args: argparse.Namespace) -> int:
    """Process one shoot; return the exit code."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    shoot = Shoot(
        user=args.user,
        id=args.shoot or args.folder.resolve().name,
        folder=args.folder,
        pace=args.pace,
    )
    amqp_url = None if args.url else args.amqp_url  # a named --url wins over the environment
    async with open_publisher(amqp_url=amqp_url, url=args.url) as publisher:
        await process(shoot, publisher)
    print(
        f"{shoot.id}: {len(shoot.keepers)} keepers of {shoot.total} photographs,"
        f" {len(shoot.skipped)} skipped",
        file=sys.stderr,
    )
    return 0


def main() -> int:
    """Run as a command; 0 when the shoot was completed."""
    try:
        return asyncio.run(run(arguments()))
    except (ShootFailed, PublishFailed, KullError) as error:
        print(f"error: {error}", file=sys.stderr)
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("stopped", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
