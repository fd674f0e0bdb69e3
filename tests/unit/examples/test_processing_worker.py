from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from kull_producers.testing import InMemoryPublisher
from processing_worker import Shoot, ShootFailed, process
from tests.support.until import until


@pytest.fixture
async def publisher() -> AsyncIterator[InMemoryPublisher]:
    async with InMemoryPublisher() as opened:
        yield opened


def shoot(folder: Path, *, pace: float = 0.0) -> Shoot:
    return Shoot(user="maya", id="s1", folder=folder, pace=pace)


def picture(path: Path) -> None:
    Image.effect_noise((64, 64), 80).save(path)


def statuses(publisher: InMemoryPublisher) -> list[str]:
    return [event.data["status"] for event in publisher.events]


async def test_every_photograph_moves_the_progress_and_the_last_event_is_completed(
    tmp_path: Path, publisher: InMemoryPublisher
) -> None:
    for name in ("b.jpg", "a.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no photograph")

    await process(shoot(tmp_path), publisher)

    assert statuses(publisher) == ["queued", "processing", "processing", "completed"]
    assert [e.data.get("currentImage") for e in publisher.events] == [None, "a.png", "b.jpg", None]
    assert [e.data["processedCount"] for e in publisher.events] == [0, 1, 2, 2]
    assert publisher.events[2].data["eta"] == 0
    assert {e.address for e in publisher.events} == {"user:maya"}


async def test_a_broken_file_is_named_and_the_shoot_goes_on(
    tmp_path: Path, publisher: InMemoryPublisher
) -> None:
    picture(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:200])
    (tmp_path / "c.jpg").write_bytes(b"")

    await process(shoot(tmp_path), publisher)

    last = publisher.events[-1].data
    assert (last["status"], last["processedCount"], last["totalCount"]) == ("completed", 3, 3)
    assert last["errorMessage"] == "skipped, cannot be decoded: b.jpg, c.jpg"


async def test_a_shoot_without_a_single_whole_picture_fails_with_the_reason(
    tmp_path: Path, publisher: InMemoryPublisher
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")

    with pytest.raises(ShootFailed):
        await process(shoot(tmp_path), publisher)

    assert statuses(publisher)[-1] == "failed"
    assert publisher.events[-1].data["errorMessage"] == "none of the 1 files could be decoded"


async def test_a_worker_that_is_stopped_says_so_to_the_devices(
    tmp_path: Path, publisher: InMemoryPublisher
) -> None:
    for number in range(3):
        picture(tmp_path / f"{number}.jpg")
    running = asyncio.create_task(process(shoot(tmp_path, pace=3600), publisher), name="worker")
    await until(lambda: publisher.events, every=0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert publisher.events[-1].data["status"] == "failed"
    assert publisher.events[-1].data["errorMessage"] == "the worker was stopped"
