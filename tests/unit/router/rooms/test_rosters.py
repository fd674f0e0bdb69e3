"""A running core: who is told of a room, and who is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.broker.memory_server import MemoryServer
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.queues.memory import MemoryState
from tests.unit.router.rigs import SHARDS, Rig, running
from tests.unit.router.tokens import Wall, token, verifier

ROOM = "room:wedding"
ALL = {"wedding": ["read", "presence"]}
BLIND = {"wedding": ["read"]}
GRACE = 0.3
NEW = pb.Place()  # of a session that no owner has told anything yet


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def rig(wall: Wall) -> AsyncIterator[Rig]:
    async with running(
        verifier=verifier(), clock=Clock(wall_ms=wall), presence_grace=GRACE, presence_members=3
    ) as started:
        yield started


async def join(
    rig: Rig,
    wall: Wall,
    session: int,
    user: str,
    *,
    rooms: Any = ALL,
    edge: EdgeStream | None = None,
    device: str = "mac",
    counter: int = 1,
    place: pb.Place | None = NEW,
) -> None:
    request = pb.Subscribe(
        session_id=session,
        address=ROOM,
        token=token(wall, user, rooms=rooms, device=device),
        device=pb.Device(device_id=device, name=f"{user}'s", platform="macos"),
        generation=pb.Generation(term=1, counter=counter),
        place=place,
    )
    await rig.core.receive(edge or rig.edge, pb.AttachRequest(subscribe=request))


async def leave(rig: Rig, session: int, *, left: bool, edge: EdgeStream | None = None) -> None:
    request = pb.Unsubscribe(session_id=session, address=ROOM, left=left)
    await rig.core.receive(edge or rig.edge, pb.AttachRequest(unsubscribe=request))


async def roster(rig: Rig, edge: EdgeStream | None = None) -> Any:
    return await rig.frame("roster", edge)


async def quiet(edge: EdgeStream, seconds: float) -> None:
    """Raise AssertionError if a roster is told within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                for frame in await edge.next():
                    assert frame.WhichOneof("frame") != "roster", frame
    except TimeoutError:
        return


def names(frame: Any) -> list[str]:
    return [each.user_id for each in frame.joined]


async def test_a_member_is_told_after_its_answer_who_is_there(rig: Rig, wall: Wall) -> None:
    await join(rig, wall, 1, "maya")
    answer = await rig.frame("subscribed")
    first = await roster(rig)
    await join(rig, wall, 2, "otto")
    second = await roster(rig)

    assert answer.membership.sees
    assert answer.membership.since == wall.ms
    assert first.number >= answer.membership.number
    assert (first.snapshot, names(first)) == (True, ["maya"])
    assert (second.snapshot, names(second), second.count) == (False, ["otto"], 2)
    (device,) = second.joined[0].devices
    assert (device.device_id, device.name, device.platform) == ("mac", "otto's", "macos")


async def test_a_leave_is_told_at_once_and_a_lost_connection_after_the_grace(
    rig: Rig, wall: Wall
) -> None:
    await join(rig, wall, 1, "maya")
    await join(rig, wall, 2, "otto")
    await join(rig, wall, 3, "eve")
    while (await roster(rig)).count < 3:
        pass

    await leave(rig, 2, left=False)
    await leave(rig, 3, left=True)

    assert list((await roster(rig)).left) == ["eve"]
    assert list((await roster(rig)).left) == ["otto"]


async def test_who_comes_back_on_another_edge_within_the_grace_is_never_seen_to_go(
    rig: Rig, wall: Wall
) -> None:
    other, third = rig.attach("edge-2"), rig.attach("edge-3")
    await join(rig, wall, 1, "maya")
    await join(rig, wall, 1, "otto", edge=other)
    while (await roster(rig)).count < 2:
        pass

    rig.core.close_stream(other)
    await join(rig, wall, 1, "otto", edge=third, counter=2)

    assert (await roster(rig)).count == 2, "the frame that the new session waits for"
    await quiet(rig.edge, 2 * GRACE)


async def test_a_state_reaches_the_others_and_a_bad_one_nobody(rig: Rig, wall: Wall) -> None:
    await join(rig, wall, 1, "maya")
    await roster(rig)

    for state in (b"[1]", b"{", b'{"a":"' + b"x" * 1024 + b'"}', b'{"viewing":"IMG_1"}'):
        request = pb.SetState(session_id=1, address=ROOM, state=state)
        await rig.core.receive(rig.edge, pb.AttachRequest(set_state=request))

    (maya,) = (await roster(rig)).updated
    assert maya.state == b'{"viewing":"IMG_1"}'


async def test_a_state_of_a_session_that_is_not_there_changes_nothing(rig: Rig, wall: Wall) -> None:
    other = rig.attach("edge-2")
    await join(rig, wall, 1, "maya")
    await roster(rig)

    request = pb.SetState(session_id=1, address=ROOM, state=b"{}")
    await rig.core.receive(other, pb.AttachRequest(set_state=request))

    await quiet(rig.edge, 0.3)


async def test_after_a_failover_members_keep_their_place_and_nobody_flickers(wall: Wall) -> None:
    server, state = MemoryServer(), MemoryState(shard_count=SHARDS)
    options: dict[str, Any] = {"verifier": verifier(), "clock": Clock(wall_ms=wall)}
    async with running(server, state, presence_grace=GRACE, **options) as before:
        await join(before, wall, 1, "maya")
        since = (await before.frame("subscribed")).membership.since
    wall.ms += 9_000
    async with running(server, state, presence_grace=GRACE, **options) as after:
        began = asyncio.get_running_loop().time()
        await join(after, wall, 1, "maya", place=pb.Place(since=since, state=b'{"a":1}', stated=5))
        await join(after, wall, 2, "otto")

        first = await roster(after)

        assert asyncio.get_running_loop().time() - began >= GRACE / 2
        assert (first.snapshot, first.term) == (True, 2)
        assert [(each.user_id, each.since, each.state) for each in first.joined] == [
            ("maya", since, b'{"a":1}'),
            ("otto", wall.ms, b""),
        ]


async def test_a_room_that_was_empty_goes_on_above_where_it_was(rig: Rig, wall: Wall) -> None:
    await join(rig, wall, 1, "maya")
    first = await roster(rig)
    await leave(rig, 1, left=True)
    await asyncio.sleep(0.25)
    assert len(rig.core.rosters) == 0

    await join(rig, wall, 1, "maya", counter=2)

    assert (await roster(rig)).number > first.number


async def test_a_room_is_told_at_most_ten_times_a_second(rig: Rig, wall: Wall) -> None:
    await join(rig, wall, 1, "maya")
    await roster(rig)
    began, frames = asyncio.get_running_loop().time(), 0
    for number in range(200):
        request = pb.SetState(session_id=1, address=ROOM, state=b'{"n":%d}' % number)
        await rig.core.receive(rig.edge, pb.AttachRequest(set_state=request))
        await asyncio.sleep(0.002)
    while True:
        frames += 1
        if (await roster(rig)).updated[0].state == b'{"n":199}':
            break

    assert frames <= (asyncio.get_running_loop().time() - began) * 10 + 2
    assert rig.core.measures.rooms.coalesced.value > 150


async def test_an_operator_is_told_how_many_users_are_in_a_room(rig: Rig, wall: Wall) -> None:
    await join(rig, wall, 1, "maya")
    await join(rig, wall, 2, "maya", device="phone")
    await join(rig, wall, 3, "otto")

    assert rig.core.rosters.size(ROOM) == 2
    assert rig.core.rosters.size("room:another") == 0
    assert (len(rig.core.rosters), rig.core.rosters.members) == (1, 2)


# -- who may not know --------------------------------------------------------------------------


async def test_who_has_no_right_to_see_is_a_member_and_is_told_nothing(
    rig: Rig, wall: Wall
) -> None:
    other = rig.attach("edge-2")
    await join(rig, wall, 1, "maya")
    await roster(rig)
    await join(rig, wall, 1, "eve", rooms=BLIND, edge=other)

    assert names(await roster(rig)) == ["eve"]
    assert not (await rig.frame("subscribed", other)).membership.sees
    await quiet(other, 0.3)


async def test_an_edge_of_a_version_that_knows_no_rosters_is_sent_none(
    rig: Rig, wall: Wall
) -> None:
    other = rig.attach("edge-2")
    await join(rig, wall, 1, "maya")
    await roster(rig)
    await join(rig, wall, 1, "otto", edge=other, place=None)

    assert names(await roster(rig)) == ["otto"]
    await quiet(other, 0.3)


async def test_a_room_that_is_not_granted_has_no_member_and_no_size_for_a_device(
    rig: Rig, wall: Wall
) -> None:
    other = rig.attach("edge-2")
    await join(rig, wall, 1, "maya")
    await join(rig, wall, 1, "eve", rooms=["another"], edge=other)

    refused = await rig.frame("refused", other)
    assert refused.address == ROOM
    assert not any(character.isdigit() for character in refused.reason)
    state = pb.SetState(session_id=1, address=ROOM, state=b"{}")
    await rig.core.receive(other, pb.AttachRequest(set_state=state))
    assert names(await roster(rig)) == ["maya"]
    await quiet(other, 0.3)


async def test_a_refresh_without_the_right_to_see_ends_it_and_one_with_it_begins_it(
    rig: Rig, wall: Wall
) -> None:
    await join(rig, wall, 1, "maya")
    await roster(rig)
    await refresh(rig, wall, "maya", BLIND)
    assert list((await roster(rig)).blind) == [1]
    await join(rig, wall, 2, "otto", rooms=BLIND)
    await quiet(rig.edge, 0.3)

    await refresh(rig, wall, "maya", ALL)

    assert list((await roster(rig)).seeing) == [1]
    snapshot = await roster(rig)
    assert (snapshot.snapshot, names(snapshot)) == (True, ["maya", "otto"])


async def test_a_refresh_without_the_room_ends_the_membership_at_once(rig: Rig, wall: Wall) -> None:
    other = rig.attach("edge-2")
    await join(rig, wall, 1, "maya", edge=other)
    await join(rig, wall, 1, "eve")
    while (await roster(rig, other)).count < 2:
        pass

    await refresh(rig, wall, "eve", [])

    assert list((await roster(rig, other)).left) == ["eve"]
    await rig.frame("refreshed")
    await quiet(rig.edge, 0.3)


async def refresh(rig: Rig, wall: Wall, user: str, rooms: Any) -> None:
    signed = token(wall, user, rooms=rooms, device="mac")
    request = pb.Refresh(session_id=1, token=signed)
    await rig.core.receive(rig.edge, pb.AttachRequest(refresh=request))


async def test_of_a_large_room_nobody_learns_the_members_from_neighbours_of_another_state(
    rig: Rig, wall: Wall
) -> None:
    for number in range(4):
        place = pb.Place(state=b'{"at":%d}' % (number % 2), stated=1)
        await join(rig, wall, number, f"user-{number}", place=place)
    while not (frame := await roster(rig)).partial:
        pass

    assert names(frame) == []
    near = {
        tuple(each.sessions): [one.user_id for one in each.members] for each in frame.neighbours
    }
    for sessions, users in near.items():
        assert {int(user[-1]) % 2 for user in users} == {session % 2 for session in sessions}
