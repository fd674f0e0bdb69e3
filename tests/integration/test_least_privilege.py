"""RabbitMQ accounts: routers and producers can do their work, and producers nothing else."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aio_pika.exceptions import ChannelClosed

from kull_mesh.definitions import ROLES, Account, document_of
from kull_producers import connect
from kull_producers.contract.shard import shard_of
from kull_producers.errors import NotDeployed, ShardCountMismatch
from kull_producers.events import topology
from kull_producers.events.models import EVENTS
from kull_router.broker.rabbitmq import RabbitBroker
from kull_router.delivery.ownership import Ownership, probe
from kull_router.queues.presence_log import Told
from kull_router.status.messages import message_of
from tests.support.brokers import take
from tests.support.rabbitmq import Endpoint

pytestmark = pytest.mark.rabbitmq
SHARDS = 2


@dataclass(frozen=True, slots=True)
class Accounts:
    router: str
    producer: str
    consumer: str


@pytest.fixture
async def accounts(rabbitmq: Endpoint, amqp_url: str) -> AsyncIterator[Accounts]:
    """The definitions of `kull definitions`, imported for a fresh virtual host."""
    parts = urlsplit(amqp_url)
    tail, host = uuid.uuid4().hex[:8], f"{parts.hostname}:{parts.port or 5672}"
    made = [
        Account(name=f"kull-{role}-{tail}", password=f"a password/{role}", role=role)
        for role in ("router", "producer", "consumer")
    ]
    document = document_of(made, vhost=parts.path.removeprefix("/"), randomness=os.urandom)
    async with httpx.AsyncClient(base_url=rabbitmq.api, timeout=20) as api:
        (await api.post("/api/definitions", json=document)).raise_for_status()
        try:
            router, producer, consumer = (
                f"amqp://{each.name}:{quote(each.password, safe='')}@{host}{parts.path}"
                for each in made
            )
            yield Accounts(router, producer, consumer)
        finally:
            for each in made:
                (await api.delete(f"/api/users/{each.name}")).raise_for_status()


async def test_a_router_and_a_producer_can_do_their_work(accounts: Accounts) -> None:
    broker = RabbitBroker(accounts.router)
    await broker.start(SHARDS)
    try:
        async with connect(accounts.producer, shard_count=SHARDS) as publisher:
            await publisher.credit_update(user_id="u", new_balance=1, change=1, reason="Test")
        await broker.publish(probe(0))
        queues = [topology.shard_queue(number) for number in range(SHARDS)]
        channels = [await broker.consume(name, single_active=True, prefetch=9) for name in queues]
        done, late = await asyncio.wait(
            [asyncio.create_task(take(channel, 1)) for channel in channels], timeout=20
        )
        for task in late:
            task.cancel()
        assert done
    finally:
        await broker.aclose()


async def test_a_consumer_hears_of_who_is_there_and_of_nothing_else(accounts: Accounts) -> None:
    broker = RabbitBroker(accounts.router)
    await broker.start(SHARDS)
    word = Told(user="maya", device="mac", term=1, number=1, at_ms=5, online=True)
    try:
        await broker.publish(message_of(word))  # nobody listens yet
        connection = await aio_pika.connect(accounts.consumer)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("consumer.seen", durable=True)
            await queue.bind(topology.PRESENCE, "device.*")
            await broker.publish(message_of(word))
            await broker.publish(message_of(replace(word, device="")))
            heard = await queue.get(timeout=10)
            assert heard.body == message_of(word).body
            assert await queue.get(fail=False) is None
            for exchange in (topology.CREDIT, topology.ROOM, topology.DEAD):
                with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                    await (await _again(connection)).bind(exchange, "#")
            with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                other = await connection.channel()
                await other.declare_queue("kull.router.00", passive=False, durable=True)
            forging = await connection.channel()
            presence = await forging.get_exchange(topology.PRESENCE, ensure=False)
            with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                await presence.publish(aio_pika.Message(b"{}"), "user.online")
    finally:
        await broker.aclose()


async def _again(connection: AbstractConnection) -> AbstractQueue:
    channel = await connection.channel()
    return await channel.declare_queue("consumer.seen", durable=True)


async def test_an_account_of_before_bursts_sends_one_by_one_and_loses_nothing(
    accounts: Accounts, rabbitmq: Endpoint
) -> None:
    broker = RabbitBroker(accounts.router)
    await broker.start(SHARDS)
    account = urlsplit(accounts.producer)
    rights = dict(ROLES["producer"])
    rights["write"] = rights["write"].replace(r"|kull\.bursts", "")
    assert rights != ROLES["producer"]
    try:
        async with httpx.AsyncClient(base_url=rabbitmq.api, timeout=20) as api:
            where = f"/api/permissions{account.path}/{account.username}"
            (await api.put(where, json=rights)).raise_for_status()
        channel = await broker.consume(topology.shard_queue(0), single_active=True, prefetch=99)
        async with connect(accounts.producer, shard_count=SHARDS, bursts=True) as publisher:
            user = next(f"u{n}" for n in range(99) if shard_of(f"user:u{n}", SHARDS) == 0)
            for _ in range(2):
                await asyncio.gather(
                    *(
                        publisher.credit_update(
                            user_id=user, new_balance=n, change=1, reason="Test"
                        )
                        for n in range(10)
                    )
                )
        stored = [each.message for each in await take(channel, 20)]
        assert {each.exchange for each in stored} == {topology.CREDIT}
        assert len({each.message_id for each in stored}) == 20
    finally:
        await broker.aclose()


async def test_a_forged_probe_of_a_producer_takes_no_shard_from_its_router(
    accounts: Accounts,
) -> None:
    broker = RabbitBroker(accounts.router)
    await broker.start(SHARDS)
    # This router does not prefer the shard: it would hand it over to one that asks for it.
    claim = Ownership(
        router_id="here",
        shard_count=SHARDS,
        preferred=frozenset({1}),
        moved=lambda shard: None,
        told=lambda: None,
    ).claims[0]
    try:
        channel = await broker.consume(topology.shard_queue(0), single_active=True, prefetch=99)
        connection = await aio_pika.connect(accounts.producer)
        async with connection:
            producer = await connection.channel()
            forged = aio_pika.Message(
                b"{}",
                type=topology.PROBE,
                app_id="router-2",
                headers={topology.HEADER_WANTED_BY: "router-2"},
            )
            entrances = (*EVENTS.exchanges, topology.BURSTS)
            for name in entrances:
                exchange = await producer.get_exchange(name, ensure=False)
                await exchange.publish(forged, "00.user.ada.probe")
            messages = [each.message for each in await take(channel, len(entrances))]
            assert {each.type for each in messages} == {topology.PROBE}
            assert not claim.is_wanted(messages)
            with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                await producer.default_exchange.publish(forged, topology.shard_queue(0))
                await producer.get_exchange(topology.CREDIT)
        await broker.publish(probe(0, wanted_by="router-2"))
        assert claim.is_wanted([each.message for each in await take(channel, 1)])
    finally:
        await broker.aclose()


async def test_a_producer_is_told_what_is_wrong_with_a_deployment(accounts: Accounts) -> None:
    with pytest.raises(NotDeployed):
        async with connect(accounts.producer, shard_count=SHARDS):
            raise AssertionError("must not open")
    broker = RabbitBroker(accounts.router)
    await broker.start(SHARDS)
    await broker.aclose()
    with pytest.raises(ShardCountMismatch, match=f"not created with {SHARDS + 1} shards"):
        async with connect(accounts.producer, shard_count=SHARDS + 1):
            raise AssertionError("must not open")


async def refused(url: str, attempt: Any) -> bool:
    """Whether RabbitMQ answers ACCESS_REFUSED."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        try:
            async with asyncio.timeout(20):
                await attempt(channel)
        except ChannelClosed as error:
            return "ACCESS_REFUSED" in str(error)
    return False


async def publish(channel: AbstractChannel, exchange: str) -> None:
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(aio_pika.Message(b"{}"), routing_key="00.user.x", mandatory=False)


async def read(channel: AbstractChannel) -> None:
    queue = await channel.get_queue(topology.shard_queue(0), ensure=False)
    await queue.get(fail=False, no_ack=True)


async def follow(channel: AbstractChannel) -> None:
    queue = await channel.get_queue(topology.DEAD, ensure=False)

    async def ignore(_: object) -> None:
        pass

    await queue.consume(ignore)


async def bind(channel: AbstractChannel) -> None:
    queue = await channel.get_queue(topology.shard_queue(0), ensure=False)
    await queue.bind(topology.CREDIT, "#")


async def bind_exchange(channel: AbstractChannel, destination: str) -> None:
    exchange = await channel.get_exchange(destination, ensure=False)
    await exchange.bind(topology.SHOOT, "#")


async def purge(channel: AbstractChannel) -> None:
    queue = await channel.get_queue(topology.shard_queue(0), ensure=False)
    await queue.purge()


async def send_probe(channel: AbstractChannel) -> None:
    message = aio_pika.Message(b"{}", type=topology.PROBE)
    await channel.default_exchange.publish(message, topology.shard_queue(0), mandatory=False)


DEEDS: dict[str, Any] = {
    "read a shard": read,
    "consume dead letters": follow,
    "bind a shard": bind,
    "bind the routers' exchange": lambda channel: bind_exchange(channel, topology.ROUTE),
    "bind the mark of the shard count": lambda channel: bind_exchange(
        channel, topology.shard_count_mark(SHARDS)
    ),
    "bind the exchange for bursts": lambda channel: bind_exchange(channel, topology.BURSTS),
    "bind an event exchange": lambda channel: bind_exchange(channel, topology.CREDIT),
    "declare a queue": lambda channel: channel.declare_queue("kull.mine"),
    "declare a temporary queue": lambda channel: channel.declare_queue(exclusive=True),
    "declare an exchange": lambda channel: channel.declare_exchange("kull.mine"),
    "delete a shard": lambda channel: channel.queue_delete(topology.shard_queue(0)),
    "delete an exchange": lambda channel: channel.exchange_delete(topology.CREDIT),
    "purge a shard": purge,
    "write to the routers' exchange": lambda channel: publish(channel, topology.ROUTE),
    "write dead letters": lambda channel: publish(channel, topology.DEAD),
    "send a claim probe": send_probe,
    "write to the mark of the shard count": lambda channel: publish(channel, topology.SHARDS),
}


async def test_a_producer_can_neither_read_nor_declare_nor_write_elsewhere(
    accounts: Accounts,
) -> None:
    broker = RabbitBroker(accounts.router)
    await broker.start(SHARDS)
    try:
        allowed = [
            name for name, deed in DEEDS.items() if not await refused(accounts.producer, deed)
        ]
        assert allowed == []
    finally:
        await broker.aclose()


async def test_a_router_reaches_nothing_but_its_own(accounts: Accounts) -> None:
    assert await refused(accounts.router, lambda channel: channel.declare_queue("orders"))
    assert await refused(accounts.router, lambda channel: channel.declare_exchange("orders"))
