"""Producers, RabbitMQ, a router and two edges as real processes: who gets what, in which order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import httpx
import pytest
from aio_pika import connect as amqp_connect

from kull_producers import Publisher, ShardCountMismatch, connect
from kull_protos.mesh.v1 import admin_pb2
from tests.support.device import WAIT, Frame, device, token
from tests.support.mesh import Mesh
from tests.support.rabbitmq import Endpoint
from tests.support.until import until

# One worker runs the whole module on one mesh.
pytestmark = [pytest.mark.rabbitmq, pytest.mark.xdist_group("delivery")]


def fresh(name: str) -> str:
    """Return an id that no other test uses."""
    return f"{name}-{uuid4().hex[:8]}"


async def tick(publisher: Publisher, user: str, shoot: str, done: int, *, total: int = 500) -> None:
    await publisher.shoot_progress(
        user_id=user,
        shoot_id=shoot,
        status="completed" if done == total else "processing",
        processed_count=done,
        total_count=total,
        provider="Test",
    )


async def credit(publisher: Publisher, user: str, balance: int) -> None:
    await publisher.credit_update(user_id=user, new_balance=balance, change=1, reason="Test")


def balances(events: list[Frame]) -> list[int]:
    return [event["data"]["newBalance"] for event in events if event["type"] == "CREDIT_UPDATE"]


def is_credit(balance: int) -> Callable[[Frame], bool]:
    return lambda event: bool(event["data"].get("newBalance") == balance)


async def test_an_event_reaches_every_device_of_its_user_and_nobody_else(mesh: Mesh) -> None:
    maya, otto = fresh("maya"), fresh("otto")
    async with AsyncExitStack() as stack:
        mine = [
            await stack.enter_async_context(device(mesh.url(edge), token(maya, name)))
            for edge, name in [(0, "mac"), (1, "phone"), (1, "tab")]
        ]
        other = await stack.enter_async_context(device(mesh.url(0), token(otto, "mac")))
        publisher = await stack.enter_async_context(connect(mesh.amqp_url))

        await credit(publisher, maya, 500)
        await credit(publisher, otto, 7)

        for each in mine:
            event = await each.event()
            assert event["data"] == {
                "userId": maya,
                "newBalance": 500,
                "change": 1,
                "reason": "Test",
            }
            assert (event["type"], event["userId"]) == ("CREDIT_UPDATE", maya)
        await other.event()
        assert balances(other.seen) == [7]


async def test_events_arrive_in_the_order_they_were_published(mesh: Mesh) -> None:
    user = fresh("maya")
    async with (
        device(mesh.url(0), token(user, "mac")) as mac,
        device(mesh.url(1), token(user, "phone")) as phone,
        connect(mesh.amqp_url) as publisher,
    ):
        published = [
            asyncio.create_task(credit(publisher, user, n), name=f"credit-{n}")
            for n in range(1, 301)
        ]
        for each in (mac, phone):
            got: list[Frame] = []
            while len(got) < 300:
                got.append(await each.event())
                await each.ack(got[-1])
            assert balances(got) == list(range(1, 301))
            seqs = [event["seq"] for event in got]
            assert seqs == sorted(set(seqs))
        await asyncio.gather(*published)


async def test_a_broadcast_reaches_everyone(mesh: Mesh) -> None:
    prompt = fresh("prompt")
    async with (
        device(mesh.url(0), token(fresh("maya"), "mac")) as maya,
        device(mesh.url(1), token(fresh("otto"), "mac")) as otto,
        connect(mesh.amqp_url) as publisher,
    ):
        for each in (maya, otto):
            while (await each.frame())["type"] != "JOINED":
                pass

        await publisher.prompt_change(prompt_id=prompt, action="voted")

        for each in (maya, otto):
            event = (await each.events_until(lambda e: e["data"].get("promptId") == prompt))[-1]
            assert event["queue"] == "all"
            assert event["data"] == {"promptId": prompt, "action": "voted"}


async def test_a_prompt_change_for_some_users_reaches_only_them(mesh: Mesh) -> None:
    maya, otto = fresh("maya"), fresh("otto")
    async with (
        device(mesh.url(0), token(maya, "mac")) as mine,
        device(mesh.url(1), token(otto, "mac")) as other,
        connect(mesh.amqp_url) as publisher,
    ):
        await publisher.prompt_change(prompt_id="p", action="created", user_ids=[maya])
        await credit(publisher, otto, 1)

        assert (await mine.event())["data"] == {"promptId": "p", "action": "created"}
        assert (await other.event())["type"] == "CREDIT_UPDATE"


async def test_acknowledgements_move_the_cursor(mesh: Mesh) -> None:
    user = fresh("maya")
    async with (
        device(mesh.url(0), token(user, "mac")) as mac,
        connect(mesh.amqp_url) as publisher,
    ):
        await credit(publisher, user, 1)
        event = await mac.event()
        assert cursor(mesh, user, "mac") < event["seq"]

        await mac.ack(event)

        await until(lambda: cursor(mesh, user, "mac") >= event["seq"], seconds=WAIT)


def cursor(mesh: Mesh, user: str, name: str) -> int:
    with mesh.admin() as admin:
        answer = admin.ListDevices(admin_pb2.ListDevicesRequest(user_id=user))
    return int(next(each.cursor for each in answer.devices if each.device.device_id == name))


def head(mesh: Mesh, user: str) -> int:
    with mesh.admin() as admin:
        answer = admin.ListQueues(admin_pb2.ListQueuesRequest(address=f"user:{user}"))
    return int(next((queue.head for queue in answer.queues), 0))


async def test_a_device_that_was_away_gets_the_newest_ticks_and_every_credit(mesh: Mesh) -> None:
    user = fresh("maya")
    async with connect(mesh.amqp_url) as publisher:
        async with device(mesh.url(0), token(user, "mac")) as mac:
            await credit(publisher, user, 1)
            await mac.ack(await mac.event())
        for done in range(1, 251):
            await asyncio.gather(
                tick(publisher, user, "shoot-a", done), tick(publisher, user, "shoot-b", done)
            )
            if done % 100 == 0:
                await credit(publisher, user, done)
        await credit(publisher, user, 300)
        # Confirmed is not stored: 500 ticks, 4 credits, presence.
        await until(lambda: head(mesh, user) >= 506, seconds=WAIT)
        async with device(mesh.url(1), token(user, "mac")) as mac:
            assert mac.welcome["data"]["queue"]["recovered"] is True
            events = await mac.events_until(is_credit(300))

    assert balances(events) == [100, 200, 300]
    ticks = [event["data"] for event in events if event["type"] == "SHOOT_PROGRESS"]
    assert sorted((t["shootId"], t["processedCount"]) for t in ticks) == [
        ("shoot-a", 250),
        ("shoot-b", 250),
    ]
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)


async def test_a_device_never_seen_before_gets_the_state_of_running_shoots(mesh: Mesh) -> None:
    user = fresh("maya")
    async with connect(mesh.amqp_url) as publisher:
        await tick(publisher, user, "finished", 500)
        for done in (1, 2, 3):
            await tick(publisher, user, "running", done)
        await credit(publisher, user, 1)
        await until(lambda: head(mesh, user) >= 5, seconds=WAIT)  # confirmed is not stored
        async with device(mesh.url(0), token(user, "new")) as new:
            await credit(publisher, user, 2)
            events = await new.events_until(is_credit(2))

    assert [event["data"].get("shootId") for event in events] == ["running", None]
    assert events[0]["data"]["processedCount"] == 3


async def test_an_event_published_twice_with_one_id_arrives_once(mesh: Mesh) -> None:
    user = fresh("maya")
    async with (
        device(mesh.url(0), token(user, "mac")) as mac,
        connect(mesh.amqp_url) as publisher,
    ):
        for _ in range(2):
            sent = await publisher.credit_update(
                user_id=user, new_balance=1, change=1, reason="Once", idempotency_key="order-1"
            )
            assert sent == "order-1"
        await credit(publisher, user, 2)

        assert balances(await mac.events_until(is_credit(2))) == [1, 2]


async def test_progress_from_a_device_goes_to_the_others_only(mesh: Mesh) -> None:
    user = fresh("maya")
    progress = {
        "shootId": "s",
        "status": "processing",
        "processedCount": 15,
        "totalCount": 100,
        "currentImage": "IMG_0015.jpg",
        "eta": 120,
        "provider": "Local",
    }
    async with (
        device(mesh.url(0), token(user, "mac")) as mac,
        device(mesh.url(1), token(user, "phone")) as phone,
        connect(mesh.amqp_url) as publisher,
    ):
        await mac.send(type="UPDATE_PROGRESS", payload=progress, ref="r1")

        event = await phone.event()
        assert (event["type"], event["data"], event["deviceId"]) == (
            "SHOOT_PROGRESS",
            progress,
            "mac",
        )
        accepted = await mac.event()
        assert accepted["type"] == "ACCEPTED"
        assert accepted["data"] == {"ref": "r1", "id": event["id"]}
        await credit(publisher, user, 1)
        assert (await mac.event())["type"] == "CREDIT_UPDATE"


async def test_devices_see_each_other_come_and_go(mesh: Mesh) -> None:
    user = fresh("maya")
    async with device(mesh.url(0), token(user, "mac")) as mac:
        access = token(user, "phone", name="Maya's phone", platform="ios")
        async with device(mesh.url(1), access) as phone:
            came = await mac.event(presence=True)
            listed = {each["deviceId"] for each in phone.welcome["data"]["devices"]}
        went = await mac.event(presence=True)

    assert listed == {"mac", "phone"}
    assert came["type"] == "DEVICE_CONNECTED"
    assert came["data"]["deviceId"] == "phone"
    assert came["data"]["deviceName"] == "Maya's phone"
    assert came["data"]["platform"] == "ios"
    assert isinstance(came["data"]["connectedAt"], int)
    assert (went["type"], went["data"]["deviceId"]) == ("DEVICE_DISCONNECTED", "phone")
    assert all(frame["data"].get("deviceId") != "phone" for frame in phone.seen[1:])


async def test_the_newer_connection_of_a_device_wins(mesh: Mesh) -> None:
    user = fresh("maya")
    async with device(mesh.url(0), token(user, "mac")) as older:
        async with device(mesh.url(1), token(user, "mac")) as newer:
            code, reason = await older.close_code()
            assert code == 4503
            assert "connected again" in reason
            async with connect(mesh.amqp_url) as publisher:
                await credit(publisher, user, 1)
            assert balances([await newer.event()]) == [1]


@pytest.mark.parametrize("user", ["a.b", "*", "#", "two words", "ümläut-📸", "x/y?z", 'q"\\'])
async def test_any_id_works_and_reaches_only_itself(mesh: Mesh, user: str) -> None:
    async with (
        device(mesh.url(0), token(user, fresh("mac"))) as mine,
        device(mesh.url(0), token(fresh("otto"), "mac")) as other,
        connect(mesh.amqp_url) as publisher,
    ):
        await credit(publisher, user, 41)

        assert balances(await mine.events_until(is_credit(41)))[-1] == 41
        await publisher.prompt_change(prompt_id="end", action="voted")
        await other.events_until(lambda e: e["data"].get("promptId") == "end")
        assert balances(other.seen) == []


async def test_devices_come_and_go_without_any_change_in_rabbitmq(
    rabbitmq: Endpoint, mesh: Mesh
) -> None:
    async def topology() -> list[str]:
        return [
            *await names_in(rabbitmq, mesh, "queues"),
            *await names_in(rabbitmq, mesh, "bindings"),
        ]

    before = await topology()
    async with AsyncExitStack() as stack:
        for number in range(20):
            await stack.enter_async_context(
                device(mesh.url(number % 2), token(fresh("user"), "mac"))
            )
        assert await topology() == before


async def test_a_publisher_with_another_shard_count_is_told_so(mesh: Mesh) -> None:
    with pytest.raises(ShardCountMismatch, match="8"):
        async with connect(mesh.amqp_url, shard_count=8) as publisher:
            await credit(publisher, "maya", 1)


async def dead_letter(mesh: Mesh) -> tuple[bytes, str]:
    connection = await amqp_connect(mesh.amqp_url)
    async with connection:
        queue = await (await connection.channel()).get_queue("kull.dead")
        async with asyncio.timeout(WAIT):
            while (message := await queue.get(fail=False)) is None:
                await asyncio.sleep(0.05)
        await message.ack()
        return message.body, str(message.headers["kull-reason"])


async def publish_raw(mesh: Mesh, key: str, body: bytes, **headers: str) -> None:
    from aio_pika import DeliveryMode, Message

    connection = await amqp_connect(mesh.amqp_url)
    async with connection:
        exchange = await (await connection.channel()).get_exchange("kull.credit")
        message = Message(body, headers=dict(headers), delivery_mode=DeliveryMode.PERSISTENT)
        await exchange.publish(message, key)


@pytest.mark.parametrize("key", ["07.user.maya.credit_update", "nobody.knows.this"])
async def test_poison_goes_to_the_dead_letter_queue_with_its_reason(mesh: Mesh, key: str) -> None:
    user = fresh("maya")
    async with (
        device(mesh.url(0), token(user, "mac")) as mac,
        connect(mesh.amqp_url) as publisher,
    ):
        await publish_raw(mesh, key, b"not json")

        body, reason = await dead_letter(mesh)

        assert body == b"not json"
        assert "not a valid event" in reason
        await credit(publisher, user, 1)  # and nobody else is held up
        assert balances([await mac.event()]) == [1]


@pytest.mark.parametrize("key", ["99.user.x.credit_update", "credits", "00.user.x.y"])
async def test_what_is_published_without_a_shard_finds_its_user(mesh: Mesh, key: str) -> None:
    user = fresh("maya")
    body = json.dumps(
        {
            "type": "CREDIT_UPDATE",
            "userId": user,
            "timestamp": 1,
            "data": {"userId": user, "newBalance": 3, "change": 1, "reason": "x"},
        }
    )
    async with device(mesh.url(0), token(user, "mac")) as mac:
        await publish_raw(mesh, key, body.encode())

        assert balances([await mac.event()]) == [3]


async def names_in(rabbitmq: Endpoint, mesh: Mesh, what: str) -> list[str]:
    """Return what the mesh's virtual host holds of `queues` or `bindings`, as text."""
    vhost = mesh.amqp_url.rpartition("/")[2]
    async with httpx.AsyncClient(base_url=rabbitmq.api) as api:
        answer = await api.get(f"/api/{what}/{vhost}", timeout=20)
    return sorted(f"{each.get('source')} {each.get('name') or each}" for each in answer.json())
