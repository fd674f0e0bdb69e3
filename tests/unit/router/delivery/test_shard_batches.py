from __future__ import annotations

from dataclasses import replace
from typing import Any

from kull_producers.events import batch, topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate
from kull_producers.events.stamp import Stamp
from kull_protos.contract.shard import shard_of
from kull_router.queues.memory import MemoryState
from tests.support.until import until
from tests.unit.router.rigs import SHARDS, Rig, balances, running

SHARD = shard_of("user:maya", SHARDS)


def credit(balance: int, event_id: str = "") -> Message:
    event = CreditUpdate(user_id="maya", new_balance=balance, change=1, reason="Test")
    stamp = Stamp(id=event_id or f"e-{balance}", timestamp_ms=1, app_id="billing")
    return messages_of(event, stamp, shard_count=SHARDS)[0]


def together(*messages: Message) -> Message:
    return batch.batch_of(messages[0], [batch.record_of(each) for each in messages])


async def test_the_events_of_a_batch_are_stored_each_for_itself_in_order(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    await rig.broker.publish(together(credit(1), credit(2), credit(1), credit(3)))
    await rig.broker.publish(credit(2))
    await rig.broker.publish(credit(4))

    assert balances(await rig.pushed(4)) == [(2, 1), (3, 2), (4, 3), (5, 4)]


async def test_a_bad_event_of_a_batch_is_buried_as_if_it_had_come_alone(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    bad = replace(credit(7), body=b'{"type":"CREDIT_UPDATE"}', app_id="somebody")
    await rig.broker.publish(together(credit(1), bad, credit(2)))
    of_a_batch = await rig.dead()
    await rig.broker.publish(bad)
    alone = await rig.dead()

    assert balances(await rig.pushed(2)) == [(2, 1), (3, 2)]
    assert of_a_batch == alone
    assert of_a_batch.body == bad.body
    assert of_a_batch.app_id == "somebody"
    assert of_a_batch.headers[topology.HEADER_REASON] == "body: data must be a JSON object"


async def test_what_the_database_refuses_of_a_batch_is_buried_alone() -> None:
    refused = {"e-2", "e-5"}
    async with running(state=MemoryState(shard_count=SHARDS, refused=refused)) as rig:
        await rig.subscribe(1, "maya:mac")
        await rig.pushed(1)
        await rig.broker.publish(together(*(credit(n) for n in range(1, 7))))

        assert [balance for _, balance in balances(await rig.pushed(4))] == [1, 3, 4, 6]
        assert {(await rig.dead()).message_id for _ in refused} == refused


async def test_a_misaddressed_event_of_a_batch_is_published_again_where_it_belongs(
    rig: Rig,
) -> None:
    user = next(f"u{n}" for n in range(99) if shard_of(f"user:u{n}", SHARDS) != SHARD)
    await rig.subscribe(1, f"{user}:mac")
    await rig.pushed(1)
    event = CreditUpdate(user_id=user, new_balance=5, change=1, reason="Test")
    lost = messages_of(event, Stamp(id="lost", timestamp_ms=1), shard_count=SHARDS)[0]
    await rig.broker.publish(together(credit(1), lost, credit(2)))

    assert balances(await rig.pushed(1)) == [(2, 5)]


async def test_what_is_no_batch_is_buried_whole_with_the_reason(rig: Rig) -> None:
    broken = replace(together(credit(1), credit(2)), body=b"\x00\x00\x00\x09")
    await rig.broker.publish(broken)
    letter = await rig.dead()

    assert letter.body == broken.body
    assert letter.type == topology.BATCH
    assert letter.headers[topology.HEADER_REASON] == (
        "not a batch of events: the batch ends within a record"
    )


async def test_a_batch_can_carry_no_word_between_routers(rig: Rig) -> None:
    probe = replace(credit(1), exchange="", type=topology.PROBE, body=b"{}", headers={})
    await rig.broker.publish(together(probe, credit(2)))

    assert (await rig.dead()).type == topology.PROBE


async def test_a_batch_of_which_a_part_is_stored_is_kept_and_stores_nothing_twice() -> None:
    """The database refuses one event, so that the others are stored in parts; then it is away."""
    state = MemoryState(shard_count=SHARDS, refused={"e-6"})
    async with running(state=state) as rig:
        await rig.subscribe(1, "maya:mac")
        append = rig.store.append

        async def first_part_only(shard: int, term: int, events: Any, now_ms: int) -> Any:
            outcomes = await append(shard, term, events, now_ms)
            rig.store.failing = rig.store.failing or bool(events)
            return outcomes

        rig.store.append = first_part_only  # type: ignore[method-assign]
        events = [credit(n) for n in range(1, 7)]
        events[4] = replace(events[4], body=b"{}")
        await rig.broker.publish(together(*events))
        await until(lambda: rig.store.failing)
        rig.broker.down()
        assert [each.type for each in kept(rig)] == [topology.BATCH]

        rig.store.append = append  # type: ignore[method-assign]
        rig.store.failing = False
        rig.broker.up()
        await until(lambda: not kept(rig))
        await rig.subscribe(1, "maya:mac")
        stored = balances(await rig.credits_of("maya"))
        buried = [(await rig.dead()).message_id for _ in range(3)]
    assert [balance for _, balance in stored] == [1, 2, 3, 4]
    assert sorted(buried) == ["e-5", "e-5", "e-6"]  # at least once, as everything


async def test_receives_of_many_batches_are_stored_in_portions() -> None:
    async with running(batch=4) as rig:
        await rig.subscribe(1, "maya:mac")
        await rig.pushed(1)
        sizes: list[int] = []
        append = rig.store.append

        async def noted(shard: int, term: int, events: Any, now_ms: int) -> Any:
            outcomes = await append(shard, term, events, now_ms)
            sizes.append(len(events))
            return outcomes

        rig.store.append = noted  # type: ignore[method-assign]
        rig.store.failing = True  # they pile up
        for first in range(0, 30, 3):
            await rig.broker.publish(together(*(credit(first + n) for n in range(3))))
        rig.store.failing = False

        await until(lambda: sum(sizes) >= 30)
        assert max(sizes) <= 4 + 2


def kept(rig: Rig) -> list[Message]:
    """What RabbitMQ holds of batches, given out or not."""
    queue = rig.broker.server.queues[topology.shard_queue(SHARD)]
    given = [m for c in queue.consumers for _, m in c._unacknowledged]  # type: ignore[attr-defined]
    return [each for each in [*(q.message for q in queue.ready), *given] if each.type == "batch"]
