"""What a newcomer gets of a room: by the room's kind, and only with the right to read there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from kull_producers.events.stamp import Stamp
from kull_router.clock import Clock
from kull_router.sessions.device_messages import device_event
from tests.unit.router.rigs import SHARDS, Rig, running
from tests.unit.router.tokens import Wall, token, verifier

SHOOT, OTHER = "room:shoot:1", "room:shoot-1"


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def rig(wall: Wall) -> AsyncIterator[Rig]:
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall)) as started:
        yield started


async def said(rig: Rig, room: str, count: int) -> None:
    """Somebody says so many things in a room; wait until they are stored."""
    for number in range(1, count + 1):
        message = device_event(
            json.dumps({"n": number}).encode(),
            Stamp(id=f"{room}-{number}", timestamp_ms=1),
            room=room,
            event_type="COMMENT",
            user_id="otto",
            device_id="web-2",
            shard_count=SHARDS,
        )
        await rig.broker.publish(message)

    async with asyncio.timeout(5):
        while (queue := await rig.core.store.queue(room)) is None or queue.head < count:
            await asyncio.sleep(0)


async def joined(rig: Rig, signed: str, room: str, history: int, session: int = 1) -> list[int]:
    """Join a room and return the positions that the device is given."""
    answer = await rig.subscribe(session, signed, address=room, history=history)
    batch = await rig.fetch(session, room, answer.after)
    return [entry.seq for entry in batch.entries]


async def test_a_newcomer_gets_as_many_of_the_last_entries_as_it_asks_for(
    rig: Rig, wall: Wall
) -> None:
    await said(rig, SHOOT, 5)
    signed = token(wall, rooms=["shoot:1"])

    assert await joined(rig, signed, SHOOT, 3) == [3, 4, 5]


async def test_a_hundred_is_the_most_whatever_an_edge_says(rig: Rig, wall: Wall) -> None:
    await said(rig, SHOOT, 102)
    signed = token(wall, rooms=["shoot:1"])

    assert len(await joined(rig, signed, SHOOT, 100_000)) == 100


async def test_a_room_whose_kind_has_no_history_gives_none(rig: Rig, wall: Wall) -> None:
    await said(rig, OTHER, 5)
    signed = token(wall, rooms=["shoot-1"])

    assert await joined(rig, signed, OTHER, 3) == []


async def test_there_is_no_history_of_a_users_own_queue(rig: Rig, wall: Wall) -> None:
    for balance in (1, 2, 3):
        await rig.credit("maya", balance)
    answer = await rig.subscribe(1, token(wall), address="user:maya", history=3)

    entries = (await rig.fetch(1, "user:maya", answer.after)).entries
    assert {entry.type for entry in entries} <= {"DEVICE_CONNECTED"}


async def test_no_history_without_the_right_to_read(rig: Rig, wall: Wall) -> None:
    await said(rig, SHOOT, 5)
    signed = token(wall, rooms=["another"])

    refused = await rig.subscribe(1, signed, address=SHOOT, history=3)

    assert refused.keep_session
    assert "does not grant" in refused.reason
    assert (await rig.fetch(1, SHOOT, 0)).error
