"""What the transport does on a real RabbitMQ alone: lost connections, persistence, deployments."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import aio_pika
import pytest

from kull_producers import (
    AccessRefused,
    ConnectError,
    NotRoutable,
    Publisher,
    ShardCountMismatch,
    connect,
)
from kull_producers.errors import NotDeployed
from kull_producers.events import topology
from kull_producers.events.models import EVENTS
from kull_producers.publishing.rabbitmq import RabbitTransport
from tests.contract.transports import proxied, several
from tests.support.brokers import SHARDS, RabbitRig, event, ids, take
from tests.support.ports import free_port


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
async def test_of_several_hosts_one_that_lives_serves_and_another_one_when_it_dies(
    amqp_url: str, stack: AsyncExitStack
) -> None:
    await RabbitRig(stack, amqp_url).router()
    proxies = [(await proxied(stack, amqp_url))[0] for _ in range(2)]
    url = several(amqp_url, free_port(), *(proxy.port for proxy in proxies))
    for number in range(4):  # each of them is first now and then
        async with connect(url, shard_count=SHARDS) as publisher:
            await credit(publisher, number)
            serving = max(proxies, key=lambda proxy: proxy.clients)
            serving.cut(refuse=True)
            await credit(publisher, number + 10)
            assert serving.clients == 0
        serving.restore()


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
