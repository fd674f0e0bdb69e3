"""Rooms over real processes: producers, RabbitMQ, a router, two edges, and the Python client."""

from __future__ import annotations

import asyncio
import signal
from uuid import uuid4

import pytest

from kull_client import Event, Rejected, SyncClient
from kull_producers import PromptChange, Publisher, ShootProgress, connect
from tests.support.device import WAIT, device, token
from tests.support.mesh import Mesh

pytestmark = [pytest.mark.rabbitmq, pytest.mark.xdist_group("rooms")]


def progress(done: int) -> ShootProgress:
    return ShootProgress(
        shoot_id="s1", status="processing", processed_count=done, total_count=9, provider="Test"
    )


async def vote(publisher: Publisher, room: str, prompt: str) -> None:
    await publisher.publish(PromptChange(prompt_id=prompt, action="voted"), room=room)


async def in_room(client: SyncClient, room: str) -> Event:
    """Return the client's next event of a room."""
    async with asyncio.timeout(WAIT):
        while (event := await anext(client)).queue != f"room:{room}":
            pass
    return event


async def test_a_room_is_told_to_those_who_may_follow_it_and_do(mesh: Mesh) -> None:
    room = f"wedding-{uuid4().hex[:8]}"
    granted = [token(user, "mac", rooms=[room]) for user in ("maya", "otto")]
    async with (
        connect(mesh.amqp_url) as publisher,
        SyncClient(mesh.url(0), granted[0]) as maya,
        SyncClient(mesh.url(1), granted[1]) as otto,
        device(mesh.url(1), token("eve", "mac", rooms=["another"])) as eve,
    ):
        await asyncio.gather(maya.join(room), otto.join(room))
        await eve.send(type="JOIN", queue=f"room:{room}", ref="please")
        refusal = await eve.event()
        assert (refusal["data"]["code"], refusal["data"]["ref"]) == ("forbidden", "please")

        await publisher.publish(progress(1), room=room)
        await publisher.credit_update(user_id="eve", new_balance=7, change=1, reason="Test")

        for client in (maya, otto):
            event = await in_room(client, room)
            assert (event.type, event.data["processedCount"]) == ("SHOOT_PROGRESS", 1)
        assert (await eve.event())["data"]["newBalance"] == 7, "the first thing that eve gets"


async def test_who_leaves_and_comes_back_gets_what_was_said_meanwhile(mesh: Mesh) -> None:
    room = f"wedding-{uuid4().hex[:8]}"
    async with (
        connect(mesh.amqp_url) as publisher,
        SyncClient(mesh.url(0), token("maya", "phone", rooms=[room])) as maya,
        SyncClient(mesh.url(1), token("otto", "phone", rooms=[room])) as otto,
    ):
        await asyncio.gather(maya.join(room), otto.join(room))
        await vote(publisher, room, "p1")
        assert (await in_room(maya, room)).data["promptId"] == "p1"
        await maya.leave(room)
        await vote(publisher, room, "p2")
        assert [(await in_room(otto, room)).data["promptId"] for _ in "12"] == ["p1", "p2"]

        await maya.join(room)
        await vote(publisher, room, "p3")

        assert [(await in_room(maya, room)).data["promptId"] for _ in "12"] == ["p2", "p3"]


async def test_typing_is_seen_by_those_in_the_room_now_and_by_nobody_later(mesh: Mesh) -> None:
    room = f"wedding-{uuid4().hex[:8]}"
    async with (
        connect(mesh.amqp_url) as publisher,
        SyncClient(mesh.url(0), token("maya", "desk", rooms=[room])) as maya,
        SyncClient(mesh.url(1), token("otto", "desk", rooms=[room])) as otto,
    ):
        with pytest.raises(Rejected, match="JOIN"):
            await maya.typing(room)
        await asyncio.gather(maya.join(room), otto.join(room))
        await maya.typing(room)
        seen = await in_room(otto, room)
        assert (seen.type, seen.data["userId"], seen.seq) == ("TYPING", "maya", None)

        await otto.leave(room)
        await maya.typing(room)
        await vote(publisher, room, "p1")
        await otto.join(room)

        assert (await in_room(otto, room)).type == "PROMPT_CHANGE"


async def test_a_room_survives_a_router_that_is_killed(mesh: Mesh) -> None:
    room = f"wedding-{uuid4().hex[:8]}"
    async with (
        connect(mesh.amqp_url, timeout=30) as publisher,
        SyncClient(mesh.url(0), token("maya", "tablet", rooms=[room])) as maya,
    ):
        await maya.join(room)
        await vote(publisher, room, "p1")
        assert (await in_room(maya, room)).data["promptId"] == "p1"

        await asyncio.to_thread(mesh.router.stop, signal.SIGKILL)
        await vote(publisher, room, "p2")
        mesh.router.start()

        assert (await in_room(maya, room)).data["promptId"] == "p2"
        assert maya.state.name == "connected"


async def test_a_refresh_to_fewer_rights_ends_a_room_with_a_notice(mesh: Mesh) -> None:
    room = f"wedding-{uuid4().hex[:8]}"
    queue = f"room:{room}"
    async with (
        connect(mesh.amqp_url) as publisher,
        device(mesh.url(0), token("maya", "watch", rooms=[room, "kept"])) as watch,
    ):
        for each in (queue, "room:kept"):
            await watch.send(type="JOIN", queue=each)
            while (await watch.frame())["data"].get("queue") != each:
                pass
        await watch.send(type="REFRESH", token=token("maya", "watch", rooms=["kept"]))

        left = await watch.event()
        assert (left["type"], left["data"]["queue"]) == ("LEFT", queue)
        assert (await watch.event())["type"] == "REFRESHED"
        await vote(publisher, room, "secret")
        await vote(publisher, "kept", "open")

        event = await watch.event()
        assert (event["queue"], event["data"]["promptId"]) == ("room:kept", "open")


async def test_the_number_of_rooms_is_bounded(mesh: Mesh) -> None:
    rooms = [f"room-{number}" for number in range(32)]
    async with SyncClient(mesh.url(0), token("maya", "tv", rooms=rooms)) as client:
        await asyncio.gather(*map(client.join, rooms))

        with pytest.raises(Rejected) as refused:
            await client.join("one-more")

    assert refused.value.code == "too_many_rooms"
