"""`kull why` over real processes: each fate is made to happen, and the sentence says it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from aio_pika import DeliveryMode, Message
from aio_pika import connect as amqp_connect

from kull_producers import connect
from kull_protos.contract.addresses import of_user
from kull_protos.contract.shard import shard_of
from tests.support.command import Kull
from tests.support.device import device, token
from tests.support.mesh import Mesh
from tests.support.rabbitmq import Endpoint
from tests.support.why import Why, credit, once, take, tick

pytestmark = [pytest.mark.rabbitmq, pytest.mark.xdist_group("why")]

KEPT = 5  # entries of a queue
WINDOW = 3  # unacknowledged messages


@pytest.fixture(scope="module")
def mesh(rabbitmq: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A router and two edges with small limits, so that fates come soon."""
    with rabbitmq.fresh_vhost() as amqp_url:
        made = Mesh(
            amqp_url,
            tmp_path_factory.mktemp("mesh"),
            KULL_KEEP_EVERY_ENTRIES=str(KEPT),
            KULL_EDGE_WINDOW_MESSAGES=str(WINDOW),
            KULL_EDGE_MESSAGE_RATE="10",
            KULL_EDGE_MESSAGE_BURST="20",
            KULL_EDGE_UNLIMITED="",
        )
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture
def maya() -> str:
    return f"maya-{uuid4().hex[:8]}"


@pytest.fixture
def why(kull: Kull, mesh: Mesh) -> Why:
    return Why(kull, mesh.grpc)


async def test_an_event_that_two_devices_have_acknowledged(mesh: Mesh, why: Why, maya: str) -> None:
    async with (
        connect(mesh.amqp_url) as publisher,
        device(mesh.url(0), token(maya, "mac")) as mac,
        device(mesh.url(1), token(maya, "phone")) as phone,
    ):
        event = await credit(publisher, maya, 1)
        await asyncio.gather(take(mac), take(phone))

        told = await why.until(
            lambda told: {code for code, _ in told.devices.values()} == {"acknowledged"}, event
        )

        assert told.verdict == "stored"
        assert told.caveats == []
        assert f"of {of_user(maya)} by router-0, term 1, RabbitMQ had confirmed it" in told.text
        assert "pushed to edge-0, edge-1" in told.text
        assert "reached edge-0" in told.text
        assert "reached edge-1" in told.text
        assert set(told.devices) == {"mac", "phone"}
        assert all(text.startswith("acknowledged by ") for _, text in told.devices.values())
        printed = why.printed(event)
        assert f"CREDIT_UPDATE {event} of kull-producers" in printed
        assert "\n  mac: acknowledged by " in printed


async def test_a_device_that_is_away(mesh: Mesh, why: Why, maya: str) -> None:
    await once(mesh.url(), maya, "mac")
    async with connect(mesh.amqp_url) as publisher:
        event = await credit(publisher, maya, 1)

    told = await why.until(lambda told: told.verdict == "stored", event)

    code, text = told.devices["mac"]
    assert code == "away"
    assert "its connection was lost; it gets this within" in text
    assert "no edge followed it there then" in told.text


async def test_a_device_that_does_not_acknowledge_is_behind(
    mesh: Mesh, why: Why, maya: str
) -> None:
    async with connect(mesh.amqp_url) as publisher, device(mesh.url(), token(maya, "mac")) as mac:
        first, *_, last = [await credit(publisher, maya, number) for number in range(WINDOW + 1)]
        for _ in range(WINDOW):
            await mac.event()

        told = await why.until(
            lambda told: told.devices.get("mac", ("",))[0] == "catching_up", last
        )
        written = why(first).devices["mac"]

    _, text = told.devices["mac"]
    assert text.startswith("still catching up at edge-0, 1 event behind")
    assert f"has {WINDOW} unacknowledged: does the application acknowledge?" in text
    assert written[0] == "written"
    assert "written to its socket by edge-0; not acknowledged yet" in written[1]


async def test_a_tick_that_a_newer_one_has_replaced(mesh: Mesh, why: Why, maya: str) -> None:
    await once(mesh.url(), maya, "mac")
    async with connect(mesh.amqp_url) as publisher:
        old, _ = await tick(publisher, maya, 1), await tick(publisher, maya, 2)

        told = await why.until(lambda told: told.verdict == "replaced", old)

    assert "a newer one of the same key" in told.text
    assert "replaced by seq" in told.text
    assert told.devices["mac"] == ("newer", "it gets the newer one instead")


async def test_an_event_that_came_twice(mesh: Mesh, why: Why, maya: str) -> None:
    async with connect(mesh.amqp_url) as publisher:
        event = await credit(publisher, maya, 1, idempotency_key=f"order-{maya}")
        assert await credit(publisher, maya, 1, idempotency_key=f"order-{maya}") == event

        told = await why.until(lambda told: "duplicate" in told.text, event)

    assert told.verdict == "stored"
    assert told.lines[-1] == "came again, and router-0 dropped it as a duplicate"


async def test_a_tick_that_came_too_late(mesh: Mesh, why: Why, maya: str) -> None:
    async with connect(mesh.amqp_url) as publisher:
        await tick(publisher, maya, 10)
        late = await tick(publisher, maya, 5)

        told = await why.until(lambda told: told.verdict == "stale", late)

    assert told.text.startswith(f"stale: {of_user(maya)} held a newer one of ")
    assert told.text.endswith("nothing to do, devices have the newer one")


async def test_an_event_that_retention_has_trimmed(mesh: Mesh, why: Why, maya: str) -> None:
    await once(mesh.url(), maya, "mac")
    async with connect(mesh.amqp_url) as publisher:
        first, *_ = [await credit(publisher, maya, number) for number in range(KEPT + 1)]

        told = await why.until(lambda told: told.verdict == "trimmed", first)

    assert "trimmed by retention" in told.text
    assert "KULL_KEEP_EVERY_ENTRIES" in told.text
    assert told.devices["mac"] == (
        "lost",
        "it is told to fetch its state anew (recovered: false) when it connects",
    )


async def test_a_message_that_is_no_event(mesh: Mesh, why: Why, maya: str) -> None:
    bad = f"bad-{maya}"
    shard = shard_of(of_user(maya), 16)
    async with await amqp_connect(mesh.amqp_url) as connection:
        exchange = await (await connection.channel()).get_exchange("kull.credit", ensure=False)
        await exchange.publish(
            Message(
                b'{"id":1}',
                message_id=bad,
                delivery_mode=DeliveryMode.PERSISTENT,
                headers={"kull-address": of_user(maya), "kull-contract": "every"},
            ),
            routing_key=f"{shard:02d}.user.{maya}.credit_update",
        )

    told = await why.until(lambda told: told.verdict == "dead_lettered", bad)

    assert told.text.startswith("dead-lettered by router-0: ")
    assert told.text.endswith("It lies in `kull.dead`: mend the publisher")


async def test_an_id_that_nobody_knows(why: Why) -> None:
    told = why("there-is-no-such-event")

    assert told.verdict == "unknown"
    assert "did `publish` return this id, does its outbox grow?" in told.text


async def test_a_device_whose_token_has_expired(mesh: Mesh, why: Why, maya: str) -> None:
    await once(mesh.url(), maya, "mac")
    async with connect(mesh.amqp_url) as publisher:
        event = await credit(publisher, maya, 1)
    async with device(mesh.url(), token(maya, "mac", ttl=-10), welcome=False) as mac:
        assert (await mac.close_code())[0] == 4501

    told = await why.until(lambda told: told.devices.get("mac", ("",))[0] == "refused", event)

    assert "with 4501 token_expired, " in told.devices["mac"][1]
    assert told.devices["mac"][1].endswith("give it a new token")
    of_device = why("--user", maya, "--device", "mac")
    assert of_device.verdict == "refused"
    assert any(line.startswith("refused with 4501 token_expired") for line in of_device.lines)


async def test_a_device_whose_session_was_replaced(mesh: Mesh, why: Why, maya: str) -> None:
    async with device(mesh.url(0), token(maya, "mac")) as old:
        async with device(mesh.url(1), token(maya, "mac")):
            assert (await old.close_code())[0] == 4503

            told = await why.until(
                lambda told: any("4503 replaced" in line for line in told.lines),
                *("--user", maya, "--device", "mac"),
            )

    assert told.verdict == "live"
    assert told.devices["mac"][1].startswith("connected to edge-1, live")
    assert any(line.endswith("if it goes on, two clients use one device id") for line in told.lines)


async def test_a_device_that_an_operator_has_logged_out(
    mesh: Mesh, why: Why, kull: Kull, maya: str
) -> None:
    access = token(maya, "mac", iat=int(time.time()) - 5)
    async with device(mesh.url(), access) as mac:
        assert kull("revoke", "--user", maya, "--routers", mesh.grpc).code == 0
        assert (await mac.close_code())[0] == 4507
    async with connect(mesh.amqp_url) as publisher:
        event = await credit(publisher, maya, 1)

    told = await why.until(lambda told: "mac" in told.devices, event)

    code, text = told.devices["mac"]
    assert code == "away"
    assert "closed with 4507 revoked" in text
    assert "log in again" in text


async def test_a_device_that_sends_more_than_it_may(mesh: Mesh, why: Why, maya: str) -> None:
    async with device(mesh.url(), token(maya, "mac")) as mac:
        for _ in range(40):
            await mac.send(type="ACK", seq=0)

        told = await why.until(
            lambda told: "sent more than it may" in told.text,
            *("--user", maya, "--device", "mac"),
        )

    assert "edge-0 read it more slowly" in told.text


async def test_an_event_that_its_own_device_has_caused(mesh: Mesh, why: Why, maya: str) -> None:
    progress = {
        "shootId": "s1",
        "status": "processing",
        "processedCount": 1,
        "totalCount": 2,
        "provider": "Mac",
    }
    async with device(mesh.url(), token(maya, "mac")) as mac:
        await mac.send(type="UPDATE_PROGRESS", payload=progress)
        event = (await mac.event())["data"]["id"]

        told = await why.until(lambda told: "mac" in told.devices, event)

    assert told.devices["mac"] == (
        "excluded",
        "not meant for it: it has caused the event itself",
    )


async def test_a_device_that_came_after_the_event(mesh: Mesh, why: Why, maya: str) -> None:
    async with connect(mesh.amqp_url) as publisher:
        event = await credit(publisher, maya, 1)
        await why.until(lambda told: told.verdict == "stored", event)
    await once(mesh.url(), maya, "mac")

    code, text = why(event).devices["mac"]

    assert code == "older"
    assert text.startswith("older than the device, which began behind seq 1")


async def test_a_device_that_nobody_knows(why: Why, maya: str) -> None:
    told = why("--user", maya, "--device", "nobody")

    assert told.verdict == "unknown"
    assert told.devices["nobody"][1].endswith("Does it connect at all, and with this device id?")
