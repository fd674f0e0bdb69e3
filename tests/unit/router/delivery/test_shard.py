from __future__ import annotations

import asyncio
from dataclasses import replace

from kull_producers.events import topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.models import CreditUpdate
from kull_producers.events.stamp import Stamp
from kull_protos.contract.shard import shard_of
from kull_router.broker.memory_server import MemoryServer
from kull_router.delivery.ownership import probe
from kull_router.queues.entry import Contract, Event
from kull_router.queues.memory import MemoryState, MemoryStore
from tests.support.until import until
from tests.unit.router.rigs import SHARDS, Rig, balances, running


async def test_nothing_is_acknowledged_before_it_is_stored(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    shard = shard_of("user:maya", SHARDS)
    rig.store.failing = True
    await rig.credit("maya", 1)
    for _ in range(50):
        await asyncio.sleep(0)

    rig.broker.down()  # what was not acknowledged is still there
    queue = rig.broker.server.queues[topology.shard_queue(shard)]
    kept = [q.message for q in queue.ready if q.message.type == "CREDIT_UPDATE"]
    assert len(kept) == 1

    rig.store.failing = False
    rig.broker.up()
    await until(lambda: list(rig.core.terms.values()) == [2] * SHARDS)
    await rig.subscribe(1, "maya:mac")
    assert balances(await rig.credits_of("maya")) == [(2, 1)]


async def test_an_event_delivered_twice_is_stored_once(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    await rig.credit("maya", 1, event_id="same")
    await rig.credit("maya", 1, event_id="same")
    await rig.credit("maya", 2)

    assert balances(await rig.pushed(2)) == [(2, 1), (3, 2)]


async def test_white_space_around_a_body_is_harmless(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    event = CreditUpdate(user_id="maya", new_balance=4, change=1, reason="x")
    stamp = Stamp(id="x", timestamp_ms=1, version=1)
    (message,) = messages_of(event, stamp, shard_count=SHARDS)
    await rig.broker.publish(replace(message, body=b" \n" + message.body + b"\n"))

    assert balances(await rig.pushed(1)) == [(2, 4)]


async def test_a_commit_whose_answer_was_lost_still_reaches_the_devices(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    rig.store.forgetful = True

    await rig.credit("maya", 1)

    assert (await rig.frame("gap")).address == "user:maya"
    assert balances(await rig.credits_of("maya")) == [(2, 1)]


async def test_a_router_that_was_fenced_writes_nothing_more() -> None:
    server, state = MemoryServer(), MemoryState(shard_count=SHARDS)
    async with running(server, state) as rig:
        await rig.subscribe(1, "maya:mac")
        shard = shard_of("user:maya", SHARDS)
        usurper = MemoryStore(state, shard_count=SHARDS)
        term = await usurper.claim(shard, "other")

        await rig.credit("maya", 1)

        # It notices, lets go and claims anew under a higher term; the event is not lost.
        await until(lambda: rig.core.terms.get(shard, 0) > term)
        await rig.subscribe(1, "maya:mac")
        assert len(await rig.credits_of("maya")) == 1


async def test_a_claim_that_overtook_ours_is_noticed_without_an_event(rig: Rig) -> None:
    """Edges believe the higher term: until then nobody could subscribe anywhere."""
    shard = rig.core.shards[0]
    before = shard.term
    assert before is not None
    await rig.store.claim(0, "a router that has died since")

    await rig.broker.publish(probe(0))

    await until(lambda: (shard.term or 0) > before + 1, seconds=10)


async def test_nothing_is_claimed_for_a_channel_that_was_closed_while_the_database_was_down(
    rig: Rig,
) -> None:
    rig.store.unclaimable = True
    rig.broker.down()
    rig.broker.up()
    await until(lambda: rig.store.claims[False] >= SHARDS, seconds=10)  # each has its first message
    rig.broker.down()
    before = rig.store.claims[True]
    rig.store.unclaimable = False
    rig.broker.up()
    await until(lambda: len(rig.core.terms) == SHARDS, seconds=10)

    assert rig.store.claims[True] - before == SHARDS


async def test_what_the_database_refuses_is_buried_and_its_neighbours_are_stored_in_order() -> None:
    """Found by halving, wherever in the batch it stands, and however many there are."""
    state = MemoryState(shard_count=SHARDS, refused={"event-1", "event-4", "event-5", "event-9"})
    async with running(state=state) as rig:
        await rig.subscribe(1, "maya:mac")
        await rig.pushed(1)
        rig.store.failing = True  # they pile up, and come as one batch
        for balance in range(1, 10):
            await rig.credit("maya", balance)
        rig.store.failing = False

        stored = balances(await rig.pushed(5))
        dead = [await rig.dead() for _ in range(4)]

    assert stored == [(2, 2), (3, 3), (4, 6), (5, 7), (6, 8)]
    assert [letter.message_id for letter in dead] == ["event-1", "event-4", "event-5", "event-9"]
    assert {letter.headers[topology.HEADER_REASON] for letter in dead} == {
        "the database refuses it"
    }


async def test_an_event_of_our_own_that_the_database_refuses_ends_nothing(rig: Rig) -> None:
    shard = rig.core.shards.of("user:maya")
    own = Event(
        id="own",
        address="user:maya",
        type="T",
        contract=Contract.EVERY,
        body=b"{}",
        version=-(2**70),
    )
    await shard.submit(own)
    await shard.submit(replace(own, id="good", version=0))
    await rig.subscribe(1, "maya:mac")

    assert [entry.seq for entry in await rig.pushed(1)] == [1]
