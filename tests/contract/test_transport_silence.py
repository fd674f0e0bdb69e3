"""A RabbitMQ that is connected and says nothing, or confirms nothing, holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest

from kull_producers import (
    ConnectError,
    NoAnswer,
)
from kull_producers.events import topology
from kull_producers.publishing import rabbitmq_connection
from kull_producers.publishing.rabbitmq import RabbitTransport
from kull_producers.publishing.transport import Transport
from kull_router.broker.port import Broker
from tests.contract.transports import BrokerTarget, Target, TwinTarget, proxied
from tests.support.brokers import SHARDS, RabbitRig, event
from tests.support.tcp_proxy import TcpProxy
from tests.support.until import until

SILENCE_NOTICED = 10.0  # seconds


class SilenceableTarget(Target, Protocol):
    """Its broker can fall silent: connected, and neither answering nor hanging up."""

    def silence(self) -> None:
        """Nobody answers any more."""
        ...

    def restore(self) -> None:
        """The broker answers again."""
        ...


class ProxiedTarget(BrokerTarget):
    def __init__(self, transport: Transport, broker: Broker, proxy: TcpProxy) -> None:
        super().__init__(transport, broker)
        self.silence, self.restore = proxy.silence, proxy.restore


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
