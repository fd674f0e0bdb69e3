from __future__ import annotations

import asyncio
import json

import pytest

from kull_producers.events import batch, topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate
from kull_producers.events.stamp import Stamp
from kull_protos.contract.shard import shard_of
from kull_router.broker.layout import layout
from tests.support.until import until
from tests.unit.router.rigs import SHARDS, Rig, balances, running


@pytest.mark.parametrize("key", ["99.user.maya.credit_update", "whatever"])
async def test_a_message_without_its_shard_is_readdressed(rig: Rig, key: str) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    data = {"userId": "maya", "newBalance": 3, "change": 1, "reason": "x"}
    body = json.dumps({"type": "CREDIT_UPDATE", "userId": "maya", "data": data}).encode()
    await rig.broker.publish(
        Message(exchange=topology.CREDIT, routing_key=key, body=body, message_id="x")
    )

    assert balances(await rig.pushed(1)) == [(2, 3)]


def _queue_of(user: str) -> str:
    return topology.shard_queue(shard_of(f"user:{user}", SHARDS))


async def _arrives(rig: Rig, balance: int) -> None:
    """An event for maya reaches her device, which was here before, and nothing is buried."""
    await rig.credit("maya", balance)
    await until(lambda: len(rig.core.terms) == SHARDS)
    await rig.subscribe(1, "maya:mac")
    async with asyncio.timeout(5):
        while balance not in [each for _, each in balances(await rig.credits_of("maya"))]:
            await asyncio.sleep(0)
    assert not rig.broker.server.queues[topology.DEAD].ready


async def test_an_event_whose_queue_was_deleted_arrives(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    rig.broker.server.delete_queue(_queue_of("maya"))
    await _arrives(rig, 1)


async def test_the_events_of_a_batch_whose_queue_was_deleted_arrive(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    rig.broker.server.delete_queue(_queue_of("maya"))
    sent = [
        messages_of(
            CreditUpdate(user_id="maya", new_balance=balance, change=1, reason="x"),
            Stamp(id=f"b-{balance}", timestamp_ms=1),
            shard_count=SHARDS,
        )[0]
        for balance in (7, 8)
    ]
    records = [batch.record_of(each) for each in sent]
    await rig.broker.publish(batch.batch_of(sent[0], records))
    await _arrives(rig, 9)
    found = balances(await rig.credits_of("maya"))
    assert {7, 8} <= {balance for _, balance in found}


async def test_an_event_whose_binding_was_removed_arrives(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    for binding in layout(SHARDS).bindings:
        if binding.destination == _queue_of("maya"):
            rig.broker.server.unbind(binding)
    await _arrives(rig, 1)


async def test_an_event_arrives_after_the_queue_of_the_unrouted_was_deleted(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    rig.broker.server.delete_queue(topology.UNROUTED)
    await until(lambda: topology.UNROUTED in rig.broker.server.queues)
    rig.broker.server.delete_queue(_queue_of("maya"))
    await _arrives(rig, 1)


async def test_a_deleted_exchange_is_created_again_without_an_event() -> None:
    async with running() as rig:
        await rig.subscribe(1, "maya:mac")
        for exchange in (topology.CREDIT, topology.ROUTE, topology.DEAD):
            rig.broker.server.delete_exchange(exchange)
        await until(lambda: topology.CREDIT in rig.broker.server.exchanges)
        await _arrives(rig, 1)


async def test_an_event_with_a_wrong_shard_that_was_readdressed_before_is_buried(rig: Rig) -> None:
    event = CreditUpdate(user_id="maya", new_balance=1, change=1, reason="x")
    stamp = Stamp(id="x", timestamp_ms=1, version=1)
    (message,) = messages_of(event, stamp, shard_count=SHARDS)
    headers = {**message.headers, topology.HEADER_HOPS: 1}
    await rig.broker.publish(
        Message(
            exchange=message.exchange,
            message_id="x",
            routing_key="77.user.maya.x",
            body=message.body,
            headers=headers,
        )
    )
    letter = await rig.dead()
    assert "re-addressed before" in str(letter.headers[topology.HEADER_REASON])
