from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.errors import StoreUnavailable
from kull_router.queues.port import CursorUpdate, DeviceInfo
from kull_router.sessions.cursor_writer import FLUSH_STEP
from tests.unit.router.rigs import Rig

MAC = DeviceInfo(user="maya", device="mac")


async def test_acknowledged_positions_survive_the_router(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 1)
    await rig.pushed(2)
    acks = pb.Acks(acks=[pb.Ack(session_id=1, address="user:maya", seq=2)])
    await rig.core.receive(rig.edge, pb.AttachRequest(acks=acks))

    answer = await rig.subscribe(2, "maya:mac")  # even before cursors are written behind

    assert (answer.after, answer.recovered) == (2, True)


async def test_cursors_are_written_in_steps_and_what_cannot_be_written_waits(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    async def advance(cursors: Sequence[CursorUpdate], now_ms: int) -> None:
        if len(written) == 2:
            raise StoreUnavailable("the disk is full")
        written.append(len(cursors))

    monkeypatch.setattr(rig.store, "advance", advance)
    cursors = rig.core.cursors
    for number in range(4 * FLUSH_STEP):
        cursors.move("all", DeviceInfo(user="maya", device=f"device-{number}"), 1)

    await cursors.flush()  # events of others go between two steps

    assert written == [FLUSH_STEP, FLUSH_STEP]
    assert len(cursors) == 2 * FLUSH_STEP


async def test_positions_whose_writer_is_cancelled_wait_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def advance(cursors: Sequence[CursorUpdate], now_ms: int) -> None:
        begun.set()
        await asyncio.Event().wait()

    cursors = rig.core.cursors
    cursors.move("all", MAC, 7)
    with monkeypatch.context() as patched:
        patched.setattr(rig.store, "advance", advance)
        writing = asyncio.create_task(cursors.write_of_users({"maya"}), name="write")
        await begun.wait()
        cursors.move("all", MAC, 6)
        writing.cancel()
        await asyncio.wait({writing})

    assert writing.cancelled()
    assert [update.seq for update in cursors._cursors.take(9)] == [7]


async def test_only_the_positions_of_those_who_are_asked_about_are_written(rig: Rig) -> None:
    cursors = rig.core.cursors
    for user in ("maya", "otto"):
        cursors.move("all", DeviceInfo(user=user, device="mac"), 7)

    await cursors.write_of_users({"maya"})

    assert [update.user for update in cursors._cursors.take(9)] == ["otto"]
