"""What only a real RabbitMQ can show: restarts, alarms, refused accounts, foreign messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from urllib.parse import urlsplit

import aio_pika
import pytest
from structlog.testing import capture_logs

from kull_producers.events import topology
from kull_router.broker.amqp import (
    AmqpConnection,
    AmqpUrl,
    PublisherChannel,
    connection,
    content,
)
from kull_router.broker.rabbitmq import RabbitBroker
from kull_router.errors import BrokerUnavailable, ChannelClosed, ConfigError
from tests.contract.transports import proxied, several
from tests.support.brokers import SHARDS, event, ids, open_shard, take
from tests.support.ports import free_port
from tests.support.rabbitmq import Endpoint, RabbitMQ
from tests.support.tcp_proxy import TcpProxy
from tests.support.until import until

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
async def broker(amqp_url: str) -> AsyncIterator[RabbitBroker]:
    broker = RabbitBroker(amqp_url)
    await broker.start(SHARDS)
    yield broker
    await broker.aclose()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def _started(stack: AsyncExitStack, url: str) -> RabbitBroker:
    broker = RabbitBroker(url)
    stack.push_async_callback(broker.aclose)
    await broker.start(SHARDS)
    return broker


async def test_confirmed_messages_survive_a_kill_and_the_broker_comes_back_by_itself(
    private_rabbitmq: RabbitMQ, stack: AsyncExitStack
) -> None:
    broker = await _started(stack, private_rabbitmq.url)
    channel = await open_shard(broker)
    for number in range(20):
        await broker.publish(event(number))
    taken = await take(channel, 20)
    channel.ack(taken[4].tag)
    waiting = asyncio.create_task(channel.receive(1), name="waiting")
    await asyncio.to_thread(private_rabbitmq.kill)
    with pytest.raises(ChannelClosed):
        async with asyncio.timeout(5):
            await waiting
    assert not broker.connected
    with pytest.raises(BrokerUnavailable):
        await broker.publish(event(99))
    with pytest.raises(BrokerUnavailable):
        await open_shard(broker)

    await asyncio.to_thread(private_rabbitmq.start)
    await until(lambda: broker.connected, seconds=30)
    again = [int(each) for each in ids(await take(await open_shard(broker), 15))]
    # The acknowledgement was on its way: RabbitMQ may have it or not.
    assert again in (list(range(5, 20)), list(range(15)))
    await broker.publish(event(100))


async def test_start_waits_for_a_rabbitmq_that_starts_later(
    private_rabbitmq: RabbitMQ, stack: AsyncExitStack
) -> None:
    await asyncio.to_thread(private_rabbitmq.kill)
    broker = RabbitBroker(private_rabbitmq.url)
    stack.push_async_callback(broker.aclose)
    with capture_logs() as logs:
        starting = asyncio.create_task(broker.start(SHARDS), name="starting")
        await until(lambda: bool(logs))
        assert [entry["event"] for entry in logs] == ["waiting_for_rabbitmq"]
        assert not broker.connected
        await asyncio.to_thread(private_rabbitmq.start)
        async with asyncio.timeout(30):
            await starting
    assert broker.connected
    await broker.publish(event(1))


async def test_a_frozen_rabbitmq_is_noticed_by_its_missing_heartbeats(
    private_rabbitmq: RabbitMQ, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 1)
    broker = await _started(stack, private_rabbitmq.url)
    channel = await open_shard(broker)
    private_rabbitmq.freeze()
    try:
        with pytest.raises(ChannelClosed, match="silent"):
            async with asyncio.timeout(10):
                await channel.receive(1)
        assert not broker.connected
    finally:
        private_rabbitmq.thaw()
    await until(lambda: broker.connected, seconds=30)


async def test_heartbeats_keep_an_idle_connection(
    amqp_url: str, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 1)
    broker = await _started(stack, amqp_url)
    channel = await open_shard(broker)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(4):  # RabbitMQ would cut after two missed ones
            await channel.receive(1)
    await broker.publish(event(1))
    assert ids(await take(channel, 1)) == ["1"]


async def test_a_memory_alarm_blocks_publishing_but_not_deliveries(
    private_rabbitmq: RabbitMQ, stack: AsyncExitStack
) -> None:
    broker = await _started(stack, private_rabbitmq.url)
    channel = await open_shard(broker)
    await broker.publish(event(1))
    with capture_logs() as logs:
        await asyncio.to_thread(private_rabbitmq.ctl, "set_vm_memory_high_watermark", "0.0000001")
        blocked = asyncio.create_task(broker.publish(event(2)), name="blocked")
        await until(lambda: broker.figures.blocked)
        assert ids(await take(channel, 1)) == ["1"]
        assert not blocked.done()
        await asyncio.to_thread(private_rabbitmq.ctl, "set_vm_memory_high_watermark", "0.9")
        async with asyncio.timeout(20):
            await blocked
    assert not broker.figures.blocked
    assert [entry["event"] for entry in logs] == ["rabbitmq_blocked", "rabbitmq_unblocked"]


def _left(proxy: TcpProxy) -> bool:
    return proxy.clients == 0


async def test_of_several_hosts_one_that_lives_serves_and_another_one_when_it_dies(
    amqp_url: str, stack: AsyncExitStack
) -> None:
    proxies = [(await proxied(stack, amqp_url))[0] for _ in range(2)]
    ports = [proxy.port for proxy in proxies]
    broker = await _started(stack, several(amqp_url, free_port(), *ports))
    for serving in sorted(proxies, key=lambda proxy: -proxy.clients):
        assert serving.clients
        serving.cut(refuse=True)
        await until(partial(_left, serving))
        await until(lambda: broker.connected, seconds=15)
        await broker.publish(event(1))
        serving.restore()


async def test_that_no_host_takes_the_account_is_told_without_the_password(
    amqp_url: str, stack: AsyncExitStack
) -> None:
    parts = urlsplit(amqp_url)
    host = parts.netloc.rpartition("@")[2]
    refusing = parts._replace(netloc=f"guest:hidden@{host},{host}").geturl()
    with pytest.raises(ConfigError, match="refuses") as caught:
        await _started(stack, refusing)
    assert "hidden" not in str(caught.value)


async def test_a_deleted_queue_closes_its_channel(broker: RabbitBroker, amqp_url: str) -> None:
    channel = await open_shard(broker)
    async with await aio_pika.connect(amqp_url) as other:
        foreign = await other.channel()
        await foreign.queue_delete(topology.shard_queue(0))
    with pytest.raises(ChannelClosed):
        async with asyncio.timeout(5):
            await channel.receive(1)
    assert broker.connected


async def test_what_cannot_be_created_again_is_told_until_it_can(
    broker: RabbitBroker, amqp_url: str
) -> None:
    async with await aio_pika.connect(amqp_url) as other:
        foreign = await other.channel()
        for shard in (0, 1):
            await foreign.queue_delete(topology.shard_queue(shard))
        await foreign.declare_queue(topology.shard_queue(1), durable=True)
        for _ in range(2):
            with pytest.raises(BrokerUnavailable, match="exists with other properties"):
                await broker.repair()
            assert not broker.connected
            await foreign.queue_delete(topology.shard_queue(0))
        await foreign.queue_delete(topology.shard_queue(1))
    await broker.repair()
    assert broker.connected
    await broker.publish(event(1))
    assert ids(await take(await open_shard(broker), 1)) == ["1"]


async def test_a_text_that_is_not_utf8_costs_one_message_and_no_connection(
    broker: RabbitBroker, amqp_url: str
) -> None:
    channel = await open_shard(broker)
    foreign = await AmqpConnection.open(
        AmqpUrl.parse(amqp_url), name="foreign", on_lost=lambda: None
    )
    publisher = await foreign.channel(PublisherChannel)
    raw = content.encode_publish(event(1, user="BAD"), channel=publisher.number, max_frame=4096)
    foreign.write(raw.replace(b"BAD", b"\xff\xfe\xfd").replace(b"test", b"\xc3\x28ok"))
    await foreign.aclose()
    await broker.publish(event(2))
    bad, good = await take(channel, 2)
    assert bad.message.headers[topology.HEADER_ADDRESS] == "user:???"
    assert bad.message.routing_key == "00.user.???.credit_update"
    assert bad.message.app_id == "?(ok"
    assert good.message == event(2)


async def test_headers_of_foreign_types_are_left_out(broker: RabbitBroker, amqp_url: str) -> None:
    channel = await open_shard(broker)
    async with await aio_pika.connect(amqp_url) as other:
        exchange = await (await other.channel()).get_exchange(topology.CREDIT)
        await exchange.publish(
            aio_pika.Message(
                b"{}",
                headers={"list": [1, "a"], "table": {"a": 1}, "float": 1.5, "none": None, "n": 7},
                timestamp=4_000_000_000,
                expiration=60,
                priority=3,
                correlation_id="c",
                reply_to="r",
                user_id="guest",
            ),
            "00.user.ada.credit_update",
        )
    [delivery] = await take(channel, 1)
    assert delivery.message.headers == {"n": 7}
    assert delivery.message.body == b"{}"


async def test_a_cancelled_publish_leaves_the_others_alone(broker: RabbitBroker) -> None:
    channel = await open_shard(broker)
    await broker.publish(event(0))
    cancelled = asyncio.create_task(broker.publish(event(1)), name="cancelled")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(*(broker.publish(event(number)) for number in range(2, 5)))
    await asyncio.wait([cancelled])
    arrived = [each for each in ids(await take(channel, 4)) if each != "1"]
    assert arrived[:3] == ["0", "2", "3"]


async def test_a_cancelled_consume_leaves_no_consumer_behind(broker: RabbitBroker) -> None:
    for turns in range(6):
        consuming = asyncio.create_task(open_shard(broker), name="consuming")
        for _ in range(turns):
            await asyncio.sleep(0)
        consuming.cancel()
        await asyncio.wait([consuming])
        if not consuming.cancelled():
            await consuming.result().aclose()
    await broker.publish(event(1))
    assert ids(await take(await open_shard(broker), 1)) == ["1"]


async def test_a_queue_with_other_properties_stops_the_start(amqp_url: str) -> None:
    async with await aio_pika.connect(amqp_url) as other:
        await (await other.channel()).declare_queue(topology.shard_queue(0), durable=True)
    with pytest.raises(ConfigError, match=r"queue kull\.router\.00 exists with other properties"):
        await RabbitBroker(amqp_url).start(SHARDS)


async def test_a_virtual_host_that_does_not_exist_stops_the_start(rabbitmq: Endpoint) -> None:
    with pytest.raises(ConfigError, match="virtual host nowhere cannot be used"):
        await RabbitBroker(rabbitmq.url("nowhere")).start(SHARDS)


async def test_a_refused_account_stops_the_start_and_no_log_shows_the_password(
    rabbitmq: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address = rabbitmq.amqp.rpartition("@")[2]
    broker = RabbitBroker(f"amqp://guest:s3cr%2Ft-word@{address}/")
    with capture_logs() as logs, pytest.raises(ConfigError, match="refuses guest@") as caught:
        await broker.start(SHARDS)
    shown = f"{logs} {caplog.text} {caught.value!r} {caught.value.__cause__!r} {vars(broker)}"
    for secret in ("s3cr%2Ft-word", "s3cr/t-word"):
        assert secret not in shown


async def test_what_is_no_amqp_server_is_waited_for_with_a_clear_reason(
    stack: AsyncExitStack,
) -> None:
    async def talk_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk_http, "127.0.0.1", 0)
    stack.push_async_callback(server.wait_closed)
    stack.callback(server.close)
    broker = RabbitBroker(f"amqp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with capture_logs() as logs:
        starting = asyncio.create_task(broker.start(SHARDS), name="starting")
        await until(lambda: bool(logs))
        starting.cancel()
        await asyncio.wait([starting])
    assert "does not speak AMQP" in logs[0]["why"]
    await broker.aclose()
