"""A device's SEND becomes an event of a room if, and only if, its token lets it write there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kull_producers.events.models import EVENTS
from kull_protos.contract.event_types import RESERVED
from kull_protos.contract.limits import MAX_EVENT_BYTES
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from tests.unit.router.rigs import Rig, running
from tests.unit.router.tokens import Wall, refresh, subscribe, token, verifier

WRITER = {"team:a": ["read", "write"], "team:b": ["read", "presence"]}
ROOM = "room:team:a"


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def rig(wall: Wall) -> AsyncIterator[Rig]:
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall)) as started:
        yield started


async def send(
    rig: Rig, room: str = ROOM, event: str = "COMMENT", data: bytes = b'{"text":"hi"}'
) -> Any:
    """Return the router's answer."""
    request = pb.Publish(
        request_id=3, session_id=1, type="SEND", payload=data, address=room, event=event
    )
    await rig.core.receive(rig.edge, pb.AttachRequest(publish=request))
    return await rig.frame("published")


async def head(rig: Rig, room: str) -> int:
    queue = await rig.core.store.queue(room)
    return queue.head if queue else 0


async def test_an_event_reaches_the_room_with_its_senders_name(rig: Rig, wall: Wall) -> None:
    signed = token(wall, rooms=WRITER)
    for address in ("user:maya", ROOM):
        await subscribe(rig, 1, signed, address=address)

    answer = await send(rig)

    assert (answer.request_id, answer.error_code) == (3, "")
    [entry] = [one for one in (await rig.fetch(1, ROOM, 0)).entries if one.type == "COMMENT"]
    frame = json.loads(entry.message)
    assert frame == {
        "seq": 1,
        "queue": ROOM,
        "id": answer.event_id,
        "type": "COMMENT",
        "data": {"text": "hi"},
        "timestamp": wall.ms,
        "deviceId": "web-1",
        "userId": "",
        "sender": "maya",
    }
    assert entry.exclude_device_id == "maya/web-1", "another user's web-1 gets it"


async def test_who_may_write_need_not_follow(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, rooms=WRITER))

    assert not (await send(rig)).error_code


@pytest.mark.parametrize(
    "room", ["room:team:b", "room:team:c", "user:otto", "user:maya", "all", ""]
)
async def test_nothing_is_written_where_the_token_does_not_grant_it(
    rig: Rig, wall: Wall, room: str
) -> None:
    await subscribe(rig, 1, token(wall, rooms=WRITER))

    assert (await send(rig, room)).error_code == "forbidden"
    assert await head(rig, room) == (1 if room == "user:maya" else 0), "of maya: her device came"


async def test_nothing_is_written_by_a_session_that_is_not_connected(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, rooms=WRITER), address=ROOM)

    assert (await send(rig)).error_code == "invalid_message"
    assert await head(rig, ROOM) == 0


async def test_a_refresh_to_fewer_rights_ends_the_right_to_write_at_once(
    rig: Rig, wall: Wall
) -> None:
    for address in ("user:maya", ROOM):
        await subscribe(rig, 1, token(wall, rooms=WRITER), address=address)
    assert not (await send(rig)).error_code

    assert not (await refresh(rig, 1, token(wall, rooms={"team:a": ["read"]}))).error_code

    assert (await send(rig)).error_code == "forbidden"
    assert await head(rig, ROOM) == 1


@pytest.mark.parametrize(
    "event", [*sorted(RESERVED), *EVENTS, "", "comment", "A" * 65, "COMMENT\n", "1A", "É"]
)
async def test_the_words_of_the_protocol_and_of_producers_are_not_for_devices(
    rig: Rig, wall: Wall, event: str
) -> None:
    await subscribe(rig, 1, token(wall, rooms=WRITER))

    answer = await send(rig, event=event)

    assert answer.error_code == "invalid_message"
    assert await head(rig, ROOM) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'"hi"',
        b"{",
        b'{"a":NaN}',
        b'{"a":1,"a":2}',
        b'{"a":"\\ud800"}',
        b'{"a":1e999}',
        b"\xff",
    ],
)
async def test_data_that_is_no_json_object_is_refused(rig: Rig, wall: Wall, data: bytes) -> None:
    await subscribe(rig, 1, token(wall, rooms=WRITER))

    assert (await send(rig, data=data)).error_code == "invalid_message"
    assert await head(rig, ROOM) == 0


async def test_where_only_declared_types_are_taken_devices_send_no_other() -> None:
    wall = Wall()
    clock = Clock(wall_ms=wall)
    strict: dict[str, Any] = {"strict_events": True, "event_types": "COMMENT"}
    async with running(verifier=verifier(), clock=clock, **strict) as rig:
        await subscribe(rig, 1, token(wall, rooms=WRITER))

        assert (await send(rig, event="NEW")).error_code == "invalid_message"
        assert not (await send(rig)).error_code


async def test_an_event_that_is_too_large_is_refused_and_not_buried(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, rooms=WRITER))
    data = json.dumps({"text": "x" * MAX_EVENT_BYTES}).encode()

    answer = await send(rig, data=data)

    assert answer.error_code == "invalid_message"
    assert str(MAX_EVENT_BYTES) in answer.error


async def test_a_plain_token_writes_nowhere() -> None:
    async with running() as rig:
        await rig.subscribe(1, "maya:mac")

        assert (await send(rig)).error_code == "forbidden"
