"""What a room gives to newcomers, and to who was away, over real processes."""

from __future__ import annotations

import asyncio
import signal
from uuid import uuid4

import pytest

from kull_producers import PromptChange, Publisher, connect
from tests.support.device import Device, Frame, device, token
from tests.support.mesh import Mesh

pytestmark = [pytest.mark.rabbitmq, pytest.mark.xdist_group("room-history")]


@pytest.fixture
def room() -> str:
    return f"shoot:{uuid4().hex[:8]}"


async def vote(publisher: Publisher, room: str, *prompts: str) -> None:
    for prompt in prompts:
        await publisher.publish(PromptChange(prompt_id=prompt, action="voted"), room=room)


async def join(member: Device, room: str, **more: object) -> Frame:
    """Join a room and return JOINED, or the ERROR."""
    await member.send(type="JOIN", queue=f"room:{room}", ref="join", **more)
    while (frame := await member.frame())["data"].get("ref") != "join":
        pass
    return frame


async def prompts(member: Device, count: int) -> list[str]:
    """Return the next prompts that a member is told of, and acknowledge them."""
    told = []
    for _ in range(count):
        event = await member.event()
        told.append(event["data"]["promptId"])
        await member.ack(event)
    return told


async def test_a_newcomer_gets_the_last_entries_and_then_what_comes(mesh: Mesh, room: str) -> None:
    async with (
        connect(mesh.amqp_url) as publisher,
        device(mesh.url(0), token("maya", "mac", rooms=[room])) as member,
        device(mesh.url(1), token("otto", "mac", rooms=[room])) as newcomer,
    ):
        await join(member, room)
        await vote(publisher, room, "p1", "p2", "p3", "p1")
        assert await prompts(member, 4) == ["p1", "p2", "p3", "p1"]

        joined = await join(newcomer, room, history=2)

        assert (joined["type"], joined["data"]["recovered"]) == ("JOINED", True)
        assert await prompts(newcomer, 2) == ["p3", "p1"]
        await vote(publisher, room, "p4")
        assert await prompts(newcomer, 1) == ["p4"]


async def test_a_member_that_was_away_gets_all_it_missed_and_no_more(mesh: Mesh, room: str) -> None:
    access = token("maya", "phone", rooms=[room])
    async with connect(mesh.amqp_url) as publisher:
        async with device(mesh.url(0), access) as member:
            await join(member, room)
            await vote(publisher, room, "p1", "p2")
            assert await prompts(member, 2) == ["p1", "p2"]
            await member.send(type="LEAVE", queue=f"room:{room}")
            while (await member.frame())["type"] != "LEFT":
                pass
        missed = [f"m{number}" for number in range(150)]
        await vote(publisher, room, *missed)

        async with device(mesh.url(1), access) as member:
            await join(member, room, history=10)

            assert await prompts(member, 150) == missed
            await vote(publisher, room, "new")
            assert await prompts(member, 1) == ["new"]


async def test_a_history_goes_on_where_it_was_when_the_router_is_killed(
    mesh: Mesh, room: str
) -> None:
    told = [f"p{number}" for number in range(100)]
    async with (
        connect(mesh.amqp_url, timeout=30) as publisher,
        device(mesh.url(1), token("maya", "tv", rooms=[room])) as member,
        device(mesh.url(0), token("otto", "phone", rooms=[room])) as newcomer,
    ):
        await join(member, room)
        await vote(publisher, room, *told)
        await prompts(member, 100)  # now all of it is stored
        await join(newcomer, room, history=90)
        first = await prompts(newcomer, 20)

        await asyncio.to_thread(mesh.router.stop, signal.SIGKILL)
        mesh.router.start()

        assert first + await prompts(newcomer, 70) == told[10:]
        await vote(publisher, room, "new")
        assert await prompts(newcomer, 1) == ["new"]


async def test_a_room_without_a_kind_gives_newcomers_nothing_of_before(mesh: Mesh) -> None:
    plain = f"shoot-{uuid4().hex[:8]}"
    async with (
        connect(mesh.amqp_url) as publisher,
        device(mesh.url(0), token("maya", "desk", rooms=[plain])) as member,
        device(mesh.url(1), token("otto", "desk", rooms=[plain])) as newcomer,
    ):
        await join(member, plain)
        await vote(publisher, plain, "p1", "p2")
        await prompts(member, 2)
        await join(newcomer, plain, history=10)
        await vote(publisher, plain, "p3")

        assert await prompts(newcomer, 1) == ["p3"]


async def test_a_history_is_for_those_who_may_read_the_room(mesh: Mesh, room: str) -> None:
    async with (
        connect(mesh.amqp_url) as publisher,
        device(mesh.url(0), token("eve", "mac", rooms=[room])) as eve,
    ):
        await vote(publisher, room, "secret")
        await eve.send(type="REFRESH", token=token("eve", "mac", rooms=["another"]))
        while (await eve.frame())["type"] != "REFRESHED":
            pass

        refused = await join(eve, room, history=10)

        assert (refused["type"], refused["data"]["code"]) == ("ERROR", "forbidden")
        await publisher.credit_update(user_id="eve", new_balance=7, change=1, reason="Test")
        assert (await eve.event())["type"] == "CREDIT_UPDATE", "the first thing that eve gets"
