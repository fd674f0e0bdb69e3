"""What the publisher may build on: the same on the twins and on a real RabbitMQ."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import urlsplit

import aio_pika
import pytest

from kull_producers import (
    AccessRefused,
    ConnectError,
    NoAnswer,
    NotRoutable,
    Publisher,
    ShardCountMismatch,
    connect,
)
from kull_producers.errors import NotDeployed
from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.events.models import EVENTS
from kull_producers.publishing import rabbitmq_connection
from kull_producers.publishing.rabbitmq import RabbitTransport
from kull_producers.publishing.transport import Transport
from kull_producers.testing import MemoryTransport
from kull_router.broker.port import Broker
from tests.support.brokers import SHARDS, MemoryRig, RabbitRig, event, ids, take
from tests.support.tcp_proxy import TcpProxy
from tests.support.until import until

SILENCE_NOTICED = 10.0  # seconds


class Target(Protocol):
    """A transport, and a look at what it has stored."""

    @property
    def transport(self) -> Transport:
        """What is tested."""
        ...

    async def stored(self, count: int) -> list[Message]:
        """Return the first `count` stored messages, in order."""
        ...


class SilenceableTarget(Target, Protocol):
    """Its broker can fall silent: connected, and neither answering nor hanging up."""

    def silence(self) -> None:
        """Nobody answers any more."""
        ...

    def restore(self) -> None:
        """The broker answers again."""
        ...


class TwinTarget:
    def __init__(self) -> None:
        self.transport = MemoryTransport(shard_count=SHARDS, patience=0.5)

    async def stored(self, count: int) -> list[Message]:
        return self.transport.messages[:count]

    def silence(self) -> None:
        self.transport.answers.clear()

    def restore(self) -> None:
        self.transport.answers.set()


class BrokerTarget:
    def __init__(self, transport: Transport, broker: Broker) -> None:
        self.transport = transport
        self._broker = broker

    async def stored(self, count: int) -> list[Message]:
        channel = await self._broker.consume("audit", single_active=False, prefetch=1000)
        return [delivery.message for delivery in await take(channel, count)]


class ProxiedTarget(BrokerTarget):
    def __init__(self, transport: Transport, broker: Broker, proxy: TcpProxy) -> None:
        super().__init__(transport, broker)
        self.silence, self.restore = proxy.silence, proxy.restore


@pytest.fixture(params=["twin", "memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
async def target(request: pytest.FixtureRequest) -> AsyncIterator[Target]:
    async with AsyncExitStack() as stack:
        if request.param == "twin":
            yield TwinTarget()
            return
        if request.param == "memory":
            memory_rig = MemoryRig(stack)
            memory = await memory_rig.router()
            await memory_rig.third_party(topology.CREDIT)
            yield BrokerTarget(memory.transport(), memory)
            return
        url = request.getfixturevalue("amqp_url")
        rig = RabbitRig(stack, url)
        broker = await rig.router()
        await rig.third_party(topology.CREDIT)
        transport = RabbitTransport(url)
        stack.push_async_callback(transport.aclose)
        yield BrokerTarget(transport, broker)


async def test_concurrent_publishes_are_stored_in_the_order_of_the_calls(target: Target) -> None:
    await asyncio.gather(*(target.transport.publish(event(number)) for number in range(200)))

    assert [m.message_id for m in await target.stored(200)] == [str(n) for n in range(200)]


async def test_a_message_is_stored_as_it_is(target: Target) -> None:
    headers: dict[str, str | int | bool] = {
        topology.HEADER_ADDRESS: "user:zoë",
        topology.HEADER_VERSION: 2**53 + 1,
        topology.HEADER_FINAL: True,
    }
    message = replace(event(1), headers=headers, body='{"id":"ü😀"}'.encode(), app_id="billing")
    await target.transport.publish(message)

    assert await target.stored(1) == [message]


async def test_an_unknown_exchange_is_an_error_and_nothing_else_breaks(target: Target) -> None:
    with pytest.raises(NotRoutable):
        await target.transport.publish(replace(event(1), exchange="kull.nowhere"))
    await target.transport.publish(event(2))

    assert [m.message_id for m in await target.stored(1)] == ["2"]


async def test_the_shard_count_is_checked(target: Target) -> None:
    await target.transport.check_shard_count(SHARDS)
    with pytest.raises(ShardCountMismatch, match=r"shards"):
        await target.transport.check_shard_count(SHARDS + 1)
    await target.transport.publish(event(1))


async def test_a_closed_transport_says_so(target: Target) -> None:
    await target.transport.publish(event(1))
    await target.transport.aclose()
    await target.transport.aclose()

    with pytest.raises(ConnectError, match="closed"):
        await target.transport.publish(event(2))
    with pytest.raises(ConnectError, match="closed"):
        await target.transport.check_shard_count(SHARDS)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def proxied(stack: AsyncExitStack, url: str) -> tuple[TcpProxy, str]:
    parts = urlsplit(url)
    assert parts.hostname
    proxy = await stack.enter_async_context(TcpProxy(parts.hostname, parts.port or 5672))
    return proxy, url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{proxy.port}")


def impatient(url: str) -> RabbitTransport:
    return RabbitTransport(url, heartbeat=2, answer_timeout=1.0)


@pytest.fixture(params=["twin", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
async def silenceable(
    request: pytest.FixtureRequest, stack: AsyncExitStack
) -> AsyncIterator[SilenceableTarget]:
    if request.param == "twin":
        yield TwinTarget()
        return
    rig = RabbitRig(stack, request.getfixturevalue("amqp_url"))
    broker = await rig.router()
    await rig.third_party(topology.CREDIT)
    proxy, url = await proxied(stack, rig.url)
    transport = impatient(url)
    stack.push_async_callback(transport.aclose)
    yield ProxiedTarget(transport, broker, proxy)


async def outcome_of(call: Coroutine[Any, Any, None]) -> ConnectError | None:
    async with asyncio.timeout(SILENCE_NOTICED):
        try:
            await call
        except ConnectError as error:
            return error
    return None


async def test_a_silent_broker_ends_every_call_with_our_errors_and_is_well_again_at_once(
    silenceable: SilenceableTarget,
) -> None:
    transport = silenceable.transport
    await transport.publish(event(0))
    silenceable.silence()
    calls: list[Coroutine[Any, Any, None]] = [transport.publish(event(n)) for n in range(1, 20)]
    outcomes = await asyncio.gather(*map(outcome_of, [*calls, transport.check_shard_count(SHARDS)]))
    later = [
        await outcome_of(transport.publish(event(20))),
        await outcome_of(transport.check_shard_count(SHARDS)),
    ]

    assert {type(outcome) for outcome in outcomes} == {NoAnswer}
    assert all(isinstance(outcome, ConnectError) for outcome in later)
    silenceable.restore()
    async with asyncio.timeout(5):
        await transport.check_shard_count(SHARDS)
        await transport.publish(event(21))
    assert [m.message_id for m in await silenceable.stored(2)] == ["0", "21"]


@pytest.mark.parametrize("call", ["publish", "check_shard_count"])
async def test_a_caller_who_leaves_a_silent_broker_is_free_at_once(
    silenceable: SilenceableTarget, call: str
) -> None:
    transport = silenceable.transport
    await transport.publish(event(0))
    silenceable.silence()
    waiting = transport.publish(event(1)) if call == "publish" else transport.check_shard_count(2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await waiting
    async with asyncio.timeout(5):
        await transport.aclose()


async def test_closing_does_not_wait_for_a_silent_broker(silenceable: SilenceableTarget) -> None:
    transport = silenceable.transport
    await transport.publish(event(0))
    silenceable.silence()
    calls = [asyncio.create_task(transport.publish(event(n)), name=f"p-{n}") for n in range(1, 4)]
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await transport.aclose()
        await asyncio.wait(calls)
    assert all(isinstance(call.exception(), ConnectError) for call in calls)


@pytest.mark.rabbitmq
async def test_a_silent_broker_is_left_even_when_nobody_calls(
    amqp_url: str, stack: AsyncExitStack
) -> None:
    await RabbitRig(stack, amqp_url).router()
    proxy, url = await proxied(stack, amqp_url)
    transport = impatient(url)
    stack.push_async_callback(transport.aclose)
    await transport.publish(event(0))
    assert proxy.clients == 1

    proxy.silence()
    await until(lambda: proxy.clients == 0, seconds=SILENCE_NOTICED)


@pytest.mark.rabbitmq
async def test_a_large_event_that_fills_the_socket_of_a_silent_broker_holds_up_nobody(
    amqp_url: str, stack: AsyncExitStack
) -> None:
    await RabbitRig(stack, amqp_url).router()
    proxy, url = await proxied(stack, amqp_url)
    transport = impatient(url)
    stack.push_async_callback(transport.aclose)
    await transport.publish(event(0))
    proxy.stop_reading()
    large = replace(event(1), body=b'"%s"' % (b"x" * 20_000_000))
    outcomes = await asyncio.gather(
        outcome_of(transport.publish(large)), outcome_of(transport.publish(event(2)))
    )

    assert {type(outcome) for outcome in outcomes} == {NoAnswer}
    proxy.restore()
    async with asyncio.timeout(5):
        await transport.publish(event(3))


@pytest.mark.rabbitmq
async def test_an_idle_connection_stays(amqp_url: str, stack: AsyncExitStack) -> None:
    """Time passing without an event is what is tested: RabbitMQ's heartbeats are heard."""
    await RabbitRig(stack, amqp_url).router()
    proxy, url = await proxied(stack, amqp_url)
    transport = RabbitTransport(url, heartbeat=4)
    stack.push_async_callback(transport.aclose)
    await transport.publish(event(0))

    with pytest.raises(TimeoutError):
        await until(lambda: proxy.clients != 1, seconds=9)


class Unconfirming(TcpProxy):
    """Lets everything through but the confirms, while `mute`."""

    mute = True

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        if not answers:
            await super()._pump(reader, writer)
            return
        while True:
            head = await reader.readexactly(7)
            payload = await reader.readexactly(int.from_bytes(head[3:]) + 1)
            if not (self.mute and head[0] == 1 and payload[:4] == b"\0\x3c\0\x50"):  # Basic.Ack
                writer.write(head + payload)


@pytest.mark.rabbitmq
async def test_a_broker_that_lives_and_confirms_nothing_is_dialed_anew_once_somebody_gives_up(
    amqp_url: str, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbitmq_connection, "CONFIRM_PATIENCE", 0.5)
    await RabbitRig(stack, amqp_url).router()
    parts = urlsplit(amqp_url)
    assert parts.hostname
    proxy = await stack.enter_async_context(Unconfirming(parts.hostname, parts.port or 5672))
    transport = RabbitTransport(
        amqp_url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{proxy.port}")
    )
    stack.push_async_callback(transport.aclose)

    patient = asyncio.create_task(transport.publish(event(1)), name="patient")
    with pytest.raises(TimeoutError):  # too early to draw conclusions
        async with asyncio.timeout(0.2):
            await transport.publish(event(2))
    assert not patient.done()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await transport.publish(event(3))
    with pytest.raises(NoAnswer, match="confirmed nothing"):
        await patient
    proxy.mute = False
    async with asyncio.timeout(5):
        await transport.publish(event(4))


async def credit(publisher: Publisher, number: int) -> str:
    return await publisher.credit_update(
        user_id="ada", new_balance=number, change=1, reason="Test", idempotency_key=str(number)
    )


@pytest.mark.rabbitmq
async def test_a_cut_connection_loses_nothing_and_keeps_the_order(
    amqp_url: str, stack: AsyncExitStack
) -> None:
    rig = RabbitRig(stack, amqp_url)
    broker = await rig.router()
    await rig.third_party(topology.CREDIT)
    proxy, url = await proxied(stack, amqp_url)
    publisher = await stack.enter_async_context(connect(url, shard_count=SHARDS))
    channel = await broker.consume("audit", single_active=False, prefetch=1000)

    await credit(publisher, 0)
    proxy.hold_answers()
    async with asyncio.TaskGroup() as tasks:
        for number in range(1, 50):
            tasks.create_task(credit(publisher, number), name=f"credit-{number}")
        first = ids(await take(channel, 50))  # stored, but no confirm gets through
        proxy.cut()
    again = ids(await take(channel, 49))

    expected = [str(number) for number in range(50)]
    assert first == expected
    assert again == expected[1:]


@pytest.mark.rabbitmq
async def test_pending_publishes_fail_promptly_when_the_connection_is_lost(
    amqp_url: str, stack: AsyncExitStack
) -> None:
    await RabbitRig(stack, amqp_url).router()
    proxy, url = await proxied(stack, amqp_url)
    transport = RabbitTransport(url)
    stack.push_async_callback(transport.aclose)
    await transport.publish(event(1))
    proxy.hold_answers()
    pending = [
        asyncio.create_task(transport.publish(event(number)), name=f"publish-{number}")
        for number in range(20)
    ]
    await asyncio.sleep(0)
    proxy.cut(refuse=True)
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*pending, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {ConnectError}
    with pytest.raises(ConnectError, match="cannot be reached"):
        await transport.publish(event(1))
    proxy.restore()
    await transport.publish(event(1))


@pytest.mark.rabbitmq
async def test_a_cancelled_publish_does_not_disturb_the_others(
    amqp_url: str, stack: AsyncExitStack
) -> None:
    await RabbitRig(stack, amqp_url).router()
    transport = RabbitTransport(amqp_url)
    stack.push_async_callback(transport.aclose)
    await transport.publish(event(0))
    calls = [
        asyncio.create_task(transport.publish(event(number)), name=f"publish-{number}")
        for number in range(100)
    ]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*calls[1::2])
        await transport.publish(event(1000))


@pytest.mark.rabbitmq
async def test_an_event_that_no_queue_takes_is_an_error_for_whoever_published_it(
    amqp_url: str, stack: AsyncExitStack
) -> None:
    connection = await stack.enter_async_context(await aio_pika.connect(amqp_url))
    channel = await connection.channel()
    await channel.declare_exchange(topology.shard_count_mark(SHARDS), "fanout", durable=True)
    for exchange in EVENTS.exchanges:
        await channel.declare_exchange(exchange, "topic", durable=True)
    publisher = await stack.enter_async_context(connect(amqp_url, shard_count=SHARDS))

    with pytest.raises(NotRoutable, match="is a router running"):
        await credit(publisher, 1)
    with pytest.raises(NotRoutable):  # these share one id, by which the driver tells returns apart
        await publisher.prompt_change(prompt_id="p", action="voted", user_ids=["ada", "bob"])


@pytest.mark.rabbitmq
async def test_messages_are_persistent_json(amqp_url: str, stack: AsyncExitStack) -> None:
    rig = RabbitRig(stack, amqp_url)
    await rig.router()
    await rig.third_party(topology.CREDIT)
    publisher = await stack.enter_async_context(connect(amqp_url, shard_count=SHARDS))
    await credit(publisher, 1)

    connection = await stack.enter_async_context(await aio_pika.connect(amqp_url))
    queue = await (await connection.channel()).get_queue("audit", ensure=False)
    message = await queue.get(no_ack=True)
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert message.content_type == "application/json"


@pytest.mark.rabbitmq
async def test_without_a_router_the_error_says_to_start_one(amqp_url: str) -> None:
    with pytest.raises(ShardCountMismatch, match="start a router"):
        async with connect(amqp_url):
            raise AssertionError("must not open")


@pytest.mark.rabbitmq
async def test_a_deployment_that_is_just_being_created_is_no_other_one(
    amqp_url: str, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay would stop for good if it took it for one of another shard count."""
    connection = await stack.enter_async_context(await aio_pika.connect(amqp_url))
    channel = await connection.channel()
    await channel.declare_exchange(topology.SHARDS, "fanout", durable=True)
    with pytest.raises(NotDeployed):
        async with connect(amqp_url, shard_count=SHARDS):
            raise AssertionError("must not open")

    looked: list[str] = []
    exists = RabbitTransport._exists

    async def exists_later(self: RabbitTransport, exchange: str) -> bool:
        found = await exists(self, exchange)
        if not looked:  # the whole is created right behind the first look
            for name in (topology.shard_count_mark(SHARDS), topology.ROUTE):
                await channel.declare_exchange(name, "fanout", durable=True)
        looked.append(exchange)
        return found

    monkeypatch.setattr(RabbitTransport, "_exists", exists_later)
    await stack.enter_async_context(connect(amqp_url, shard_count=SHARDS))
    assert looked[0] == looked[-1] == topology.shard_count_mark(SHARDS)


@pytest.mark.rabbitmq
@pytest.mark.parametrize("what", ["password", "vhost", "port"])
async def test_no_error_and_no_log_line_holds_the_password(
    amqp_url: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    parts = urlsplit(amqp_url)
    vhost, port = ("/nowhere", parts.port) if what == "vhost" else (parts.path, parts.port)
    url = f"amqp://guest:s3cr3t@{parts.hostname}:{1 if what == 'port' else port}{vhost}"
    error: type[ConnectError] = ConnectError if what == "port" else AccessRefused

    with pytest.raises(error) as caught:
        async with connect(url, timeout=0.2):
            raise AssertionError("must not open")

    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
    assert "s3cr3t" not in caplog.text
