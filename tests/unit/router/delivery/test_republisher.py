from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kull_producers.events import address as addresses
from kull_producers.events import topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate
from kull_producers.events.stamp import Stamp
from kull_protos.common.flight_recorder import Query
from kull_protos.contract.shard import shard_of
from kull_router.delivery import ingest
from kull_router.delivery.republisher import Republisher
from tests.unit.router.rigs import SHARDS, Rig, balances


async def test_poison_is_buried_with_its_reason_and_blocks_nobody(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    key = addresses.routing_key("user:maya", SHARDS, "credit_update")
    await rig.broker.publish(
        Message(exchange=topology.CREDIT, routing_key=key, body=b"not json", message_id="x")
    )
    await rig.credit("maya", 1)

    assert balances(await rig.pushed(1)) == [(2, 1)]
    buried = await rig.dead()
    assert buried.body == b"not json"
    assert "JSON" in str(buried.headers[topology.HEADER_REASON])


@pytest.mark.parametrize("field", ["seq", "queue"])
async def test_a_publisher_cannot_forge_positions(rig: Rig, field: str) -> None:
    event = CreditUpdate(user_id="maya", new_balance=4, change=1, reason="x")
    stamp = Stamp(id="x", timestamp_ms=1, version=1)
    (message,) = messages_of(event, stamp, shard_count=SHARDS)
    body = json.dumps({**json.loads(message.body), field: 99}).encode()
    await rig.broker.publish(replace(message, body=body))

    assert f"{field} is set by the router" in str(
        (await rig.dead()).headers[topology.HEADER_REASON]
    )


@pytest.mark.parametrize("key", ["{shard}.user.maya.x", "whatever"])
async def test_a_message_that_we_fail_to_understand_takes_no_router_down(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake of ours")

    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    shard = shard_of("user:maya", SHARDS)
    with monkeypatch.context() as broken:
        broken.setattr(ingest, "read", fails)
        broken.setattr(ingest, "readdress", fails)
        await rig.broker.publish(
            Message(
                exchange=topology.CREDIT,
                routing_key=key.format(shard=f"{shard:02d}"),
                body=b"{}",
                message_id="x",
            )
        )
        buried = await rig.dead()

    assert "a mistake of ours" in str(buried.headers[topology.HEADER_REASON])
    await rig.credit("maya", 3)
    assert balances(await rig.pushed(1)) == [(2, 3)]


async def test_a_message_in_the_wrong_shard_moves_once_and_then_is_buried(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    event = CreditUpdate(user_id="maya", new_balance=4, change=1, reason="x")
    stamp = Stamp(id="x", timestamp_ms=1, version=1)
    (right,) = messages_of(event, stamp, shard_count=SHARDS)
    shard = (shard_of("user:maya", SHARDS) + 1) % SHARDS

    def wrong(**headers: int) -> Message:
        return Message(
            exchange=right.exchange,
            routing_key=f"{shard:02d}.user.maya.credit_update",
            body=right.body,
            message_id=right.message_id,
            headers={**right.headers, **headers},
        )

    await rig.broker.publish(wrong(**{topology.HEADER_HOPS: 1}))
    assert "re-addressed before" in str((await rig.dead()).headers[topology.HEADER_REASON])

    await rig.broker.publish(wrong())
    assert balances(await rig.pushed(1)) == [(2, 4)]


async def test_a_reason_is_remembered_no_longer_than_it_is_kept_with_the_message(rig: Rig) -> None:
    bury = Republisher(rig.broker, rig.core.journal, rig.core.measures.events).bury
    message = Message(exchange=topology.CREDIT, routing_key="x", body=b"", message_id="long")

    await bury(message, "no event " * 1_000)

    (fact,) = rig.core.journal.recall(Query(event_id="long"))
    assert len(fact.text) == ingest.MAX_REASON_CHARS
    assert fact.text == (await rig.dead()).headers[topology.HEADER_REASON]
