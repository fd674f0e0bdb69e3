"""Who publishes into rooms, over real processes: devices, and producers on every way they have."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from kull_gateway import service_token
from kull_producers import PromptChange, connect, connect_sync
from tests.integration.test_gateway import SECRET, gateway, until_ready
from tests.support.device import Device, Frame, device, token
from tests.support.mesh import Mesh
from tests.support.ports import free_port
from tests.support.processes import Processes
from tests.support.up import KULL

pytestmark = [pytest.mark.rabbitmq, pytest.mark.xdist_group("room-publishing")]

READ = ["read"]
WRITE = ["read", "write"]


@pytest.fixture
def room() -> str:
    return f"team:{uuid4().hex[:8]}"


async def join(member: Device, room: str) -> None:
    await member.send(type="JOIN", queue=f"room:{room}", ref="join")
    while (await member.frame())["data"].get("ref") != "join":
        pass


async def answer(member: Device, ref: str) -> Frame:
    """Return the answer to what the device has sent."""
    while (frame := await member.frame())["data"].get("ref") != ref:
        pass
    return frame


async def comment(member: Device, room: str, text: str, event: str = "COMMENT") -> Frame:
    """Send into a room and return the answer."""
    await member.send(type="SEND", queue=f"room:{room}", event=event, data={"text": text}, ref=text)
    return await answer(member, text)


async def test_what_a_device_sends_reaches_all_others_and_not_itself(mesh: Mesh, room: str) -> None:
    rooms = {room: WRITE}
    async with (
        device(mesh.url(0), token("maya", "mac", rooms=rooms)) as mac,
        device(mesh.url(1), token("maya", "phone", rooms=rooms)) as phone,
        device(mesh.url(1), token("otto", "mac", rooms={room: READ})) as otto,
    ):
        for member in (mac, phone, otto):
            await join(member, room)

        accepted = await comment(mac, room, "hi")

        assert accepted["type"] == "ACCEPTED"
        for member in (phone, otto):
            event = await member.event()
            assert (event["type"], event["data"], event["seq"]) == ("COMMENT", {"text": "hi"}, 1)
            assert (event["queue"], event["id"]) == (f"room:{room}", accepted["data"]["id"])
            assert (event["sender"], event["deviceId"], event["userId"]) == ("maya", "mac", "")
        await comment(phone, room, "and you")
        assert (await mac.event())["data"] == {"text": "and you"}, "the first thing that it gets"


async def test_who_was_away_gets_what_devices_sent_although_the_router_was_killed(
    mesh: Mesh, room: str
) -> None:
    reader = token("otto", "phone", rooms={room: READ})
    async with device(mesh.url(1), reader) as otto:
        await join(otto, room)
    async with device(mesh.url(0), token("maya", "desk", rooms={room: WRITE})) as maya:
        await comment(maya, room, "one")
        await asyncio.to_thread(mesh.router.stop, signal.SIGKILL)
        mesh.router.start()
        while (await comment(maya, room, "two"))["type"] != "ACCEPTED":
            await asyncio.sleep(0.1)
    async with device(mesh.url(1), reader) as otto:
        await join(otto, room)

        told = [(await otto.event())["data"]["text"] for _ in "12"]

    assert told == ["one", "two"]


async def test_a_device_writes_nowhere_without_the_right_nor_after_it_has_lost_it(
    mesh: Mesh, room: str
) -> None:
    other = f"{room}-other"
    async with (
        device(mesh.url(0), token("eve", "mac", rooms={room: WRITE, other: READ})) as eve,
        device(mesh.url(1), token("otto", "tv", rooms=[room, other, "third"])) as otto,
    ):
        for each in (room, other, "third"):
            await join(otto, each)
        assert (await comment(eve, room, "allowed"))["type"] == "ACCEPTED"
        for each in (other, "third"):
            refused = await comment(eve, each, "no")
            assert (refused["type"], refused["data"]["code"]) == ("ERROR", "forbidden")

        await eve.send(type="REFRESH", token=token("eve", "mac", rooms={room: READ}), ref="less")
        assert (await answer(eve, "less"))["type"] == "REFRESHED"
        assert (await comment(eve, room, "late"))["data"]["code"] == "forbidden"
        forged = await comment(eve, room, "forged", event="CREDIT_UPDATE")
        assert forged["data"]["code"] in {"forbidden", "invalid_message"}

        await eve.send(type="REFRESH", token=token("eve", "mac", rooms={room: WRITE}), ref="more")
        assert (await answer(eve, "more"))["type"] == "REFRESHED"
        forged = await comment(eve, room, "forged", event="CREDIT_UPDATE")
        assert forged["data"]["code"] == "invalid_message"
        assert (await comment(eve, room, "again"))["type"] == "ACCEPTED"

        assert [(await otto.event())["data"]["text"] for _ in "12"] == ["allowed", "again"]


@pytest.fixture
async def http(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway in front of the mesh's RabbitMQ."""
    port = free_port()
    headers = {"Authorization": f"Bearer {service_token(SECRET)}"}
    async with (
        gateway(mesh.amqp_url, port, KULL_SHARD_COUNT="16"),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client,
    ):
        await until_ready(client)
        yield client


async def kull_send(*options: str) -> None:
    """Run `kull send prompt-change`."""
    async with Processes() as processes:
        command = (*KULL, "send", "prompt-change", "--action", "voted", *options)
        process = await processes.start_async(*command, env={"KULL_SERVICE_SECRET": SECRET})
        assert await process.wait() == 0


def change(prompt: str, *users: str) -> PromptChange:
    return PromptChange(prompt_id=prompt, action="voted", user_ids=users or None)


async def publish(amqp_url: str, room: str, both: list[str], outbox: Path) -> None:
    """Tell one room, and two, by each publisher of the SDK."""

    def in_a_thread() -> None:
        with connect_sync(amqp_url) as publisher:
            publisher.publish(change("sync"), room=room)
            publisher.publish(change("sync-both"), rooms=both)

    async with connect(amqp_url) as publisher:
        await publisher.publish(change("async"), room=room)
        await publisher.publish(change("async-both", "ada"), rooms=both)
    await asyncio.to_thread(in_a_thread)
    async with connect(amqp_url, outbox=outbox) as publisher:
        await publisher.publish(change("outbox"), room=room)
        await publisher.publish(change("outbox-both"), rooms=both)
        await publisher.flush(20)


async def told(member: Device, count: int) -> set[str]:
    """Return what the next events of a device are about."""
    return {(await member.event())["data"]["promptId"] for _ in range(count)}


async def test_producers_tell_rooms_on_each_of_their_ways(
    mesh: Mesh, room: str, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    other = f"{room}-other"
    both = [room, other]
    async with (
        device(mesh.url(0), token("maya", "watch", rooms=[room])) as maya,
        device(mesh.url(1), token("otto", "watch", rooms=[other])) as otto,
        device(mesh.url(1), token("ada", "watch")) as ada,
    ):
        await join(maya, room)
        await join(otto, other)

        await publish(mesh.amqp_url, room, both, tmp_path / "outbox.db")
        body = {"promptId": "http-both", "action": "voted", "rooms": both, "userIds": ["ada"]}
        assert (await http.post("/api/sync/prompt-change", json=body)).status_code == 202
        await kull_send("--prompt", "send", "--room", room, "--amqp-url", mesh.amqp_url)
        to_both = ("--room", room, "--room", other, "--url", str(http.base_url).rstrip("/"))
        await kull_send("--prompt", "send-both", *to_both)

        shared = {"async-both", "sync-both", "outbox-both", "http-both", "send-both"}
        alone = {"async", "sync", "outbox", "send"}
        assert await told(maya, len(alone | shared)) == alone | shared
        assert await told(otto, len(shared)) == shared
        assert await told(ada, 2) == {"async-both", "http-both"}
