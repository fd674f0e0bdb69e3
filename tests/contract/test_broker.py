"""What the router may build on: the same on the in-memory broker and on a real RabbitMQ."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kull_producers.events import batch, topology
from kull_producers.events.message import Message
from kull_producers.events.models import EVENTS
from kull_router.broker.port import KEPT, MAX_BODY
from kull_router.errors import (
    BrokerError,
    BrokerUnavailable,
    ChannelClosed,
    ShardCountMismatch,
)
from tests.support.brokers import (
    Rig,
    event,
    ids,
    open_shard,
    take,
)


async def test_messages_arrive_in_the_order_of_their_publishing(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker, prefetch=1000)
    await asyncio.gather(*(broker.publish(event(number)) for number in range(500)))
    assert ids(await take(channel, 500)) == [str(number) for number in range(500)]


async def test_a_message_arrives_as_it_was_published(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker)
    headers: dict[str, str | int | bool] = {
        topology.HEADER_ADDRESS: "user:ümlaut",
        topology.HEADER_VERSION: 2**53 + 1,
        topology.HEADER_FINAL: True,
        topology.HEADER_EXCLUDE: "",
        "small": -1,
        "negative": -(2**40),
    }
    message = replace(event(1), headers=headers, body='{"id":"ü😀"}'.encode())
    await broker.publish(message)
    [delivery] = await take(channel, 1)
    assert delivery.message == message
    assert not delivery.redelivered


@pytest.mark.parametrize("size", [0, 1, 131_064, 131_065, 400_000])
async def test_a_body_of_any_size_arrives_whole(rig: Rig, size: int) -> None:
    broker = await rig.router()
    channel = await open_shard(broker)
    body = bytes(index % 251 for index in range(size))
    await broker.publish(replace(event(1), body=body))
    [delivery] = await take(channel, 1)
    assert delivery.message.body == body
    assert not delivery.too_large


@pytest.mark.parametrize("size", [MAX_BODY, MAX_BODY + 1, 3_000_000])
async def test_of_a_body_too_large_to_be_read_come_its_beginning_and_its_size(
    rig: Rig, size: int
) -> None:
    broker = await rig.router()
    channel = await open_shard(broker)
    body = bytes(index % 251 for index in range(size))
    await broker.publish(replace(event(1), body=body))
    await broker.publish(event(2))
    [large, next_] = await take(channel, 2)
    if size <= MAX_BODY:
        assert (large.message.body, large.too_large) == (body, 0)
    else:
        assert (large.message.body, large.too_large) == (body[:KEPT], size)
    assert next_.message.message_id == event(2).message_id
    # What returns to the queue is whole: nothing was lost by not being read.
    await channel.aclose()
    again = await open_shard(broker)
    [large, next_] = await take(again, 2)
    assert (large.too_large or len(large.message.body)) == size
    assert next_.message.message_id == event(2).message_id


async def test_the_dead_letters_are_bounded_in_bytes(rig: Rig) -> None:
    broker = await rig.router()
    dead = replace(event(1), exchange=topology.DEAD, body=bytes(MAX_BODY))
    fit = topology.DEAD_QUEUE_BYTES // MAX_BODY
    await broker.publish(replace(dead, message_id="first"))
    for _ in range(fit // 8 + 1):
        await asyncio.gather(*(broker.publish(dead) for _ in range(8)))

    channel = await broker.consume(topology.DEAD, single_active=False, prefetch=1)
    [oldest] = await take(channel, 1)
    assert oldest.message.message_id != "first"


async def test_receive_returns_no_more_than_its_limit(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker)
    for number in range(5):
        await broker.publish(event(number))
    assert len(await channel.receive(2)) <= 2


async def test_no_more_than_the_prefetch_is_unacknowledged(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker, prefetch=3)
    for number in range(5):
        await broker.publish(event(number))
    taken = await take(channel, 3)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await channel.receive(10)
    channel.ack(taken[0].tag)
    assert ids(await take(channel, 1)) == ["3"]


async def test_a_cancelled_receive_loses_nothing(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker)
    receiving = asyncio.create_task(channel.receive(10), name="receiving")
    await asyncio.sleep(0)
    receiving.cancel()
    await asyncio.wait([receiving])
    await broker.publish(event(1))
    assert ids(await take(channel, 1)) == ["1"]


async def test_an_acknowledgement_covers_all_earlier_deliveries_of_its_channel_only(
    rig: Rig,
) -> None:
    broker = await rig.router()
    first, second = await open_shard(broker, 0), await open_shard(broker, 1)
    for number in range(3):
        await broker.publish(event(number, shard=0))
        await broker.publish(event(10 + number, shard=1))
    taken = await take(first, 3)
    await take(second, 3)
    first.ack(taken[1].tag)
    await first.aclose()
    await second.aclose()
    assert ids(await take(await open_shard(broker, 0), 1)) == ["2"]
    assert ids(await take(await open_shard(broker, 1), 3)) == ["10", "11", "12"]


async def test_acknowledging_twice_or_late_is_harmless(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker)
    await broker.publish(event(1))
    await broker.publish(event(2))
    taken = await take(channel, 2)
    channel.ack(taken[1].tag)
    channel.ack(taken[1].tag)
    channel.ack(taken[0].tag)
    await broker.publish(event(3))
    assert ids(await take(channel, 1)) == ["3"]


async def test_a_delivery_that_was_not_received_cannot_be_acknowledged(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker)
    with pytest.raises(BrokerError, match="was not received"):
        channel.ack(1)
    await broker.publish(event(1))
    assert ids(await take(channel, 1)) == ["1"]


async def test_unacknowledged_deliveries_come_back_in_order_and_marked(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker, prefetch=4)
    for number in range(6):
        await broker.publish(event(number))
    taken = await take(channel, 3)  # of four delivered ones, two are waiting on the server
    channel.ack(taken[0].tag)
    await channel.aclose()
    again = await take(await open_shard(broker), 5)
    assert ids(again) == ["1", "2", "3", "4", "5"]
    assert [delivery.redelivered for delivery in again][:3] == [True, True, True]


async def test_a_message_may_return_any_number_of_times(rig: Rig) -> None:
    broker = await rig.router()
    await broker.publish(event(1))
    for _ in range(25):  # RabbitMQ 4 drops it after 20 unless told otherwise
        channel = await open_shard(broker)
        assert ids(await take(channel, 1)) == ["1"]
        await channel.aclose()


async def test_only_the_first_consumer_is_served_until_it_closes(rig: Rig) -> None:
    one, two = await rig.router(), await rig.router()
    active, standby = await open_shard(one), await open_shard(two)
    for number in range(4):
        await one.publish(event(number))
    taken = await take(active, 4)
    active.ack(taken[1].tag)
    waiting = asyncio.create_task(standby.receive(1), name="standby")
    await one.publish(event(4))
    await take(active, 1)
    assert not waiting.done()
    await active.aclose()
    async with asyncio.timeout(5):
        first = list(await waiting)
    assert ids(first + await take(standby, 2)) == ["2", "3", "4"]


async def test_the_next_in_line_takes_over_when_a_router_is_gone(rig: Rig) -> None:
    one, two = await rig.router(), await rig.router()
    await open_shard(one)
    standby = await open_shard(two)
    await one.publish(event(1))
    await one.aclose()
    assert ids(await take(standby, 1)) == ["1"]


async def test_a_closed_channel_says_so(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker)
    await broker.publish(event(1))
    [delivery] = await take(channel, 1)
    waiting = asyncio.create_task(channel.receive(1), name="waiting")
    await asyncio.sleep(0)
    channel.check()
    await channel.aclose()
    await channel.aclose()
    with pytest.raises(ChannelClosed):
        channel.check()
    with pytest.raises(ChannelClosed):
        async with asyncio.timeout(5):
            await waiting
    with pytest.raises(ChannelClosed):
        await channel.receive(1)
    with pytest.raises(ChannelClosed):
        channel.ack(delivery.tag)


async def test_closing_the_broker_closes_its_channels(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker)
    assert broker.connected
    await broker.aclose()
    await broker.aclose()
    assert not broker.connected
    with pytest.raises(ChannelClosed):
        await channel.receive(1)
    with pytest.raises(BrokerUnavailable):
        await broker.publish(event(1))
    with pytest.raises(BrokerUnavailable):
        await open_shard(broker)


@pytest.mark.parametrize("exchange", EVENTS.exchanges)
async def test_every_public_exchange_reaches_the_shards(rig: Rig, exchange: str) -> None:
    broker = await rig.router()
    for shard in (0, 1):
        await broker.publish(replace(event(shard, shard=shard), exchange=exchange))
        assert ids(await take(await open_shard(broker, shard), 1)) == [str(shard)]


async def test_a_wrong_key_is_unrouted_even_if_a_third_party_takes_everything(rig: Rig) -> None:
    broker = await rig.router()
    await rig.third_party(topology.CREDIT)
    wrong = replace(event(1), routing_key="77.user.ada.credit_update")
    await broker.publish(wrong)
    unrouted = await broker.consume(topology.UNROUTED, single_active=False, prefetch=10)
    [delivery] = await take(unrouted, 1)
    assert delivery.message == wrong


async def test_a_right_key_is_not_unrouted(rig: Rig) -> None:
    broker = await rig.router()
    unrouted = await broker.consume(topology.UNROUTED, single_active=False, prefetch=10)
    await broker.publish(event(1))
    await broker.publish(replace(event(2), routing_key="nonsense"))
    assert ids(await take(unrouted, 1)) == ["2"]


def _to(exchange: str, key: str) -> Message:
    return replace(event(1), exchange=exchange, routing_key=key)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (_to("kull.nothing", "x"), "kull.nothing"),
        (_to("", "kull.router.99"), "kull.router.99"),
        (_to(topology.SHARDS, "delivered"), topology.SHARDS),
        (_to(topology.ROUTE, "00.x"), topology.ROUTE),
    ],
    ids=["no exchange", "no queue", "nothing bound", "internal exchange"],
)
async def test_what_cannot_be_published_raises_and_does_no_harm(
    rig: Rig, message: Message, why: str
) -> None:
    broker = await rig.router()
    with pytest.raises(BrokerError, match=why) as caught:
        await broker.publish(message)
    assert not isinstance(caught.value, BrokerUnavailable)
    await broker.publish(event(2))
    assert ids(await take(await open_shard(broker), 1)) == ["2"]


async def test_of_two_publishes_under_one_id_the_unroutable_one_fails(rig: Rig) -> None:
    broker = await rig.router()
    results = await asyncio.gather(
        broker.publish(_to(topology.SHARDS, "x")),
        broker.publish(event(1)),
        broker.publish(_to(topology.SHARDS, "y")),
        return_exceptions=True,
    )
    assert [isinstance(result, BrokerError) for result in results] == [True, False, True]


async def test_a_probe_reaches_the_shard_queue_directly(rig: Rig) -> None:
    broker = await rig.router()
    await broker.publish(_to("", topology.shard_queue(1)))
    assert ids(await take(await open_shard(broker, 1), 1)) == ["1"]


async def test_dead_letters_arrive_with_their_reason(rig: Rig) -> None:
    broker = await rig.router()
    letter = replace(
        event(1), exchange=topology.DEAD, headers={topology.HEADER_REASON: "it is no event"}
    )
    await broker.publish(letter)
    dead = await broker.consume(topology.DEAD, single_active=False, prefetch=10)
    [delivery] = await take(dead, 1)
    assert delivery.message.headers[topology.HEADER_REASON] == "it is no event"


async def test_a_full_dead_letter_queue_drops_its_oldest(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "DEAD_QUEUE_LENGTH", 3)
    broker = await rig.router()
    for number in range(5):
        await broker.publish(replace(event(number), exchange=topology.DEAD))
    dead = await broker.consume(topology.DEAD, single_active=False, prefetch=10)
    assert ids(await take(dead, 3)) == ["2", "3", "4"]


async def test_consuming_a_queue_that_does_not_exist_is_refused(rig: Rig) -> None:
    broker = await rig.router()
    with pytest.raises(BrokerError, match=r"kull\.router\.99"):
        await open_shard(broker, 99)
    await open_shard(broker, 0)


async def test_another_shard_count_is_refused(rig: Rig) -> None:
    await rig.router(shard_count=2)
    with pytest.raises(ShardCountMismatch) as caught:
        await rig.router(shard_count=3)
    assert (caught.value.stored, caught.value.configured) == (2, 3)


async def test_starting_again_changes_nothing(rig: Rig) -> None:
    broker = await rig.router()
    await broker.publish(event(1))
    again = await rig.router()
    assert ids(await take(await open_shard(again), 1)) == ["1"]


async def test_a_batch_comes_to_its_shard_as_it_is_and_to_nobody_at_the_public_exchanges(
    rig: Rig,
) -> None:
    broker = await rig.router()
    await rig.third_party(topology.CREDIT)
    sent = batch.batch_of(event(1), [batch.record_of(event(number)) for number in (1, 2)])
    await broker.publish(sent)
    await broker.publish(event(3))

    [delivery, alone] = await take(await open_shard(broker), 2)
    assert delivery.message == sent
    assert batch.messages_in(delivery.message) == [event(1), event(2)]
    assert alone.message == event(3)
    audit = await broker.consume("audit", single_active=False, prefetch=10)
    assert ids(await take(audit, 1)) == ["3"]
