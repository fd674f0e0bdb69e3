"""What an outbox holds is looked at now and then, and nothing is said of what is not known."""

from __future__ import annotations

import asyncio

from kull_producers.errors import OutboxError
from kull_producers.outbox.file_store import OutboxStatus
from kull_producers.outbox.watch import OutboxWatch
from tests.support.until import until

STATUS = OutboxStatus(pending=3, size=900, oldest_seconds=7.5, refused=1)


def told(watch: OutboxWatch) -> dict[str, float]:
    readings = [measure.read() for measure in watch.measures]
    return {reading.metric.name: sample.value for reading in readings for sample in reading.samples}


async def test_the_last_look_is_told_and_none_before_the_first() -> None:
    async def look() -> OutboxStatus:
        return STATUS

    watch = OutboxWatch(look)
    assert told(watch) == {}

    task = asyncio.create_task(watch.run(), name="watch")
    await until(lambda: told(watch), every=0)
    task.cancel()
    await asyncio.wait({task})

    assert told(watch) == {
        "kull_outbox_pending": 3,
        "kull_outbox_oldest_seconds": 7.5,
        "kull_outbox_bytes": 900,
        "kull_outbox_refused": 1,
    }


async def test_an_outbox_that_cannot_be_looked_at_says_nothing_and_is_looked_at_again() -> None:
    answers: list[OutboxStatus | None] = [STATUS, None, STATUS]
    looks: list[dict[str, float]] = []

    async def look() -> OutboxStatus:
        looks.append(told(watch))
        status = answers.pop(0) if answers else STATUS
        if status is None:
            raise OutboxError("the disk is gone")
        return status

    watch = OutboxWatch(look, interval=0)
    task = asyncio.create_task(watch.run(), name="watch")
    await until(lambda: len(looks) > 3, every=0)
    task.cancel()
    await asyncio.wait({task})

    assert [bool(seen) for seen in looks[:4]] == [False, True, False, True]
