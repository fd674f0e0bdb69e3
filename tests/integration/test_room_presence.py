"""Who is in a room, over real processes: two routers, two edges, 200 members."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.device import device, token
from tests.support.load.rooms import Member, in_batches
from tests.support.mesh import Mesh
from tests.support.rabbitmq import Endpoint
from tests.support.until import until

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres, pytest.mark.xdist_group("presence")]

MEMBERS = 200
GRACE = 5.0


@pytest.fixture
def pair(amqp_url: str, database_url: str, tmp_path: Path) -> Iterator[Mesh]:
    mesh = Mesh(
        amqp_url, tmp_path, routers=2, database_url=database_url, KULL_PRESENCE_GRACE=str(GRACE)
    )
    try:
        mesh.start()
        yield mesh
    finally:
        mesh.stop()


async def everybody(members: list[Member], count: int = MEMBERS) -> None:
    await until(lambda: all(len(each.users) == each.count == count for each in members), seconds=40)


async def test_two_hundred_members_through_the_death_of_an_edge_and_of_a_router(
    pair: Mesh, rabbitmq: Endpoint, amqp_url: str
) -> None:
    before = rabbitmq.metadata(amqp_url)
    members = [Member(f"user-{number}", "shoot") for number in range(MEMBERS)]
    stay, move = members[::2], members[1::2]
    await in_batches(each.connect(pair.ports[0]) for each in stay)
    await in_batches(each.connect(pair.ports[1]) for each in move)
    await in_batches(each.join(state={"n": 1}) for each in members)
    await everybody(members)
    since = {user: each["since"] for user, each in stay[0].users.items()}

    pair.edges[1].stop(signal.SIGKILL)
    await asyncio.gather(*(each.closed for each in move))
    await in_batches(each.connect(pair.ports[0]) for each in move)
    await in_batches(each.join(state={"n": 1}) for each in move)
    await asyncio.sleep(GRACE + 1)
    await everybody(members)
    assert set[str]().union(*(each.gone for each in members)) == set()

    term = members[0].generation[0]
    pair.routers[await pair.active_router()].stop(signal.SIGKILL)
    await until(lambda: all(each.generation[0] > term for each in members), seconds=40)
    await everybody(members)
    assert set[str]().union(*(each.gone for each in members)) == set(), "nobody has flickered"
    assert {user: each["since"] for user, each in stay[0].users.items()} == since

    for each in move:
        each.say("LEAVE")
    await everybody(stay, MEMBERS // 2)
    assert rabbitmq.metadata(amqp_url) == before
    for each in members:
        each.close()


async def test_a_device_learns_nothing_of_a_room_that_its_token_does_not_grant(pair: Mesh) -> None:
    maya = Member("maya", "shoot")
    await maya.connect(pair.ports[0])
    await maya.join()
    async with device(pair.url(1), token("eve", "mac", rooms=["other"])) as eve:
        for message in (
            {"type": "JOIN", "state": {}},
            {"type": "STATE", "state": {}},
            {"type": "TYPING"},
        ):
            await eve.send(queue="room:shoot", ref="x", **message)
            answer = await eve.event()
            assert (answer["data"]["code"], answer["data"]["ref"]) == ("forbidden", "x")
            assert "1" not in answer["data"]["message"]
    await asyncio.sleep(0.5)
    assert list(maya.users) == ["maya"]
    maya.close()


async def test_a_refresh_to_fewer_rights_ends_what_is_seen_of_a_room(pair: Mesh) -> None:
    async with device(pair.url(0), token("eve", "mac", rooms=["shoot"])) as eve:
        await eve.send(type="JOIN", queue="room:shoot")
        while (await eve.frame())["type"] != "PRESENCE":
            pass
        await eve.send(type="REFRESH", token=token("eve", "mac", rooms={"shoot": ["read"]}))
        while (await eve.frame())["type"] != "REFRESHED":
            pass
        # The routers of rooms are told behind the user's own, which has answered.
        await asyncio.sleep(1)
        maya = Member("maya", "shoot")
        await maya.connect(pair.ports[1])
        await maya.join()
        await until(lambda: len(maya.users) == 2)
        await eve.send(type="PING")
        assert (await eve.frame())["type"] == "PONG", "not a word of who has come"
        maya.close()
