from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from kull_producers.events.stamp import Stamp
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.sessions.device_messages import device_typing
from tests.unit.router.rigs import Rig, running
from tests.unit.router.tokens import Wall, subscribe, token, verifier


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def rig(wall: Wall) -> AsyncIterator[Rig]:
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall)) as started:
        yield started


async def entries_of(rig: Rig, address: str) -> list[pb.Entry]:
    """Return what is pushed to an address next."""
    while True:
        for push in (await rig.frame("deliver")).pushes:
            if push.address == address:
                return list(push.entries)


async def typing(rig: Rig, room: str) -> Any:
    request = pb.Publish(request_id=3, session_id=1, type="TYPING", payload=room.encode())
    await rig.core.receive(rig.edge, pb.AttachRequest(publish=request))
    return await rig.frame("published")


async def test_typing_reaches_a_room_that_the_token_grants_and_no_other(
    rig: Rig, wall: Wall
) -> None:
    signed = token(wall, rooms=["one"])
    for address in ("user:maya", "room:one"):
        await subscribe(rig, 1, signed, address=address)

    for foreign in ("room:two", "user:otto", "all"):
        assert (await typing(rig, foreign)).error_code == "forbidden"
    request = pb.Publish(request_id=3, session_id=1, type="TYPING", payload=b"room:one")
    await rig.core.receive(rig.edge, pb.AttachRequest(publish=request))

    [entry] = await entries_of(rig, "room:one")
    frame = json.loads(entry.message)
    assert (entry.seq, frame["queue"], frame["type"]) == (0, "room:one", "TYPING")
    assert frame["data"] == {"userId": "maya"}


async def test_typing_that_was_held_up_is_dropped(rig: Rig, wall: Wall) -> None:
    signed = token(wall, rooms=["one"])
    for address in ("user:maya", "room:one"):
        await subscribe(rig, 1, signed, address=address)
    stamp = Stamp(id="old", timestamp_ms=wall.ms - 5_001, version=1)
    shards = rig.core.settings.shard_count

    for each in (stamp, replace(stamp, id="new", timestamp_ms=wall.ms - 4_999)):
        await rig.broker.publish(
            device_typing("room:one", each, user_id="maya", device_id="web-1", shard_count=shards)
        )

    got = await entries_of(rig, "room:one")
    assert [json.loads(entry.message)["id"] for entry in got] == ["new"]
