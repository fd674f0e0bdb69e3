"""`kull why` over real processes: each fate is made to happen, and the sentence says it."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aio_pika import DeliveryMode, Message
from aio_pika import connect as amqp_connect

from kull_producers import Publisher, connect
from kull_protos.contract.addresses import of_user
from kull_protos.contract.shard import shard_of
from tests.support.command import Kull
from tests.support.device import Device, device, token
from tests.support.mesh import Mesh
from tests.support.ports import free_port
from tests.support.rabbitmq import Endpoint
from tests.support.up import running

pytestmark = [pytest.mark.rabbitmq, pytest.mark.xdist_group("why")]

KEPT = 5  # entries of a queue
WINDOW = 3  # unacknowledged messages
PATIENCE = 20.0  # seconds


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


@dataclass(frozen=True, slots=True)
class Told:
    """What `kull why` says: of an event, and by device."""

    verdict: str
    lines: list[str]
    devices: dict[str, tuple[str, str]]
    caveats: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Why:
    """`kull why` against a mesh."""

    def __init__(self, kull: Kull, routers: str) -> None:
        self._kull = kull
        self._routers = routers

    def printed(self, *arguments: str) -> str:
        ran = self._kull("why", *arguments, "--routers", self._routers)
        assert ran.code == 0, ran.err
        return ran.out

    def __call__(self, *arguments: str) -> Told:
        told: dict[str, Any] = json.loads(self.printed(*arguments, "--json"))
        (story,) = told["stories"]
        return Told(
            story["verdict"],
            [line["text"] for line in story["lines"]],
            {one["device"]: (one["verdict"], one["text"]) for one in story["devices"]},
            told["caveats"],
        )

    async def until(self, right: Callable[[Told], bool], *arguments: str) -> Told:
        """Ask until the answer is right: what devices do reaches the routers in a moment."""
        deadline = time.monotonic() + PATIENCE
        while not right(told := self(*arguments)):
            assert time.monotonic() < deadline, told
            await asyncio.sleep(0.1)
        return told


@pytest.fixture
def why(kull: Kull, mesh: Mesh) -> Why:
    return Why(kull, mesh.grpc)


async def credit(publisher: Publisher, user: str, balance: int, **more: str) -> str:
    return await publisher.credit_update(
        user_id=user, new_balance=balance, change=1, reason="Test", **more
    )


async def tick(publisher: Publisher, user: str, done: int) -> str:
    return await publisher.shoot_progress(
        user_id=user,
        shoot_id="s1",
        status="processing",
        processed_count=done,
        total_count=500,
        provider="Test",
    )


async def take(each: Device) -> None:
    await each.ack(await each.event())


async def once(url: str, user: str, name: str) -> None:
    """A device connects and goes: from then on it is known."""
    async with device(url, token(user, name)):
        pass


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
    assert "nobody was connected" in told.text


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


class TestFailover:
    """Two routers on one database: the one that has stored the event dies."""

    pytestmark = pytest.mark.postgres

    async def test_what_the_store_knows_remains_and_the_router_that_is_down_is_a_line(
        self, amqp_url: str, database_url: str, tmp_path: Path, kull: Kull, maya: str
    ) -> None:
        with Mesh(amqp_url, tmp_path, routers=2, database_url=database_url) as pair:
            pair.start()
            why = Why(kull, pair.grpc)
            active = await pair.active_router()
            async with (
                connect(pair.amqp_url) as publisher,
                device(pair.url(0), token(maya, "mac")) as mac,
            ):
                event = await credit(publisher, maya, 1)
                await take(mac)
                before = await why.until(
                    lambda told: told.devices.get("mac", ("",))[0] == "acknowledged", event
                )
                assert f"by router-{active}, term " in before.text
                assert before.caveats == []

                pair.routers[active].send(signal.SIGKILL)
                assert await pair.active_router() == 1 - active
                newer = await credit(publisher, maya, 2)
                await take(mac)
                after = why(event)
                told = await why.until(lambda told: told.devices["mac"][0] == "acknowledged", newer)

        assert after.verdict == "stored"
        assert f"as seq {_seq(before)} of {of_user(maya)}" in after.text
        assert f"by whom is not remembered (router-{1 - active} owns its shard since" in after.text
        assert after.devices["mac"] == ("acknowledged", "acknowledged, before what is remembered")
        assert "reached edge-0" in after.text, "edges remember"
        target = pair.grpc.split(",")[active]
        assert after.caveats[0].startswith(f"router {target} does not answer: ")
        assert f"by router-{1 - active}, term " in told.text


def _seq(told: Told) -> str:
    return told.text.partition("as seq ")[2].partition(" ")[0]


def test_kull_up_is_asked_without_naming_a_router(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        listener = up.listen(up.kull("token", "--user", "u", "--device", "d").strip())
        event = up.credit("u", 500)
        assert listener.stdout is not None
        assert json.loads(listener.stdout.readline())["id"] == event

        deadline = time.monotonic() + PATIENCE
        while "\n  d: acknowledged by " not in (printed := up.kull("why", event)):
            assert time.monotonic() < deadline, printed

        assert f"CREDIT_UPDATE {event} of kull-send" in printed
        assert "stored as seq 2 of user:u by router-" in printed
        assert "d: connected to edge-1, live" in up.kull("why", "--user", "u", "--device", "d")


def test_what_is_asked_must_be_said(why: Why, kull: Kull) -> None:
    ran = kull("why", "--user", "maya")

    assert ran.code == 1
    assert "kull why EVENT_ID, or kull why --user USER --device DEVICE" in ran.err


def test_without_any_router_there_is_an_error_and_no_story(kull: Kull) -> None:
    ran = kull("why", "e-1", "--routers", f"127.0.0.1:{free_port()}")

    assert ran.code == 1
    assert "does not answer" in ran.err
    assert ran.out == ""
