"""Dead letters are looked at without losing them, and published again where they had been."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker.memory import MemoryBroker
from kull_router.delivery import ingest
from kull_router.delivery.dead_letters import DeadLetters

HEADERS: dict[str, str | int | bool] = {
    topology.HEADER_ADDRESS: "user:maya",
    topology.HEADER_CONTRACT: "every",
}


def message(event_id: str, **more: object) -> Message:
    usual = {
        "exchange": topology.CREDIT,
        "routing_key": "01.maya",
        "body": b'{"id":"e"}',
        "message_id": event_id,
        "type": "CREDIT_UPDATE",
        "headers": HEADERS,
    }
    return Message(**(usual | more))  # type: ignore[arg-type]


@pytest.fixture
async def broker() -> MemoryBroker:
    started = MemoryBroker()
    await started.start(2)
    return started


async def bury(broker: MemoryBroker, *messages: Message) -> None:
    for each in messages:
        await broker.publish(ingest.dead(each, "it had no body"))


def lying(broker: MemoryBroker, queue: str) -> list[Message]:
    return [each.message for each in broker.server.queues[queue].ready]


async def test_a_page_tells_why_and_leaves_all_there(broker: MemoryBroker) -> None:
    await bury(broker, message("a"), message("b"), message("c"))
    dead = DeadLetters(broker)

    letters, waiting = await dead.page(1, 1)

    assert [each.message.message_id for each in letters] == ["b"]
    assert (letters[0].reason, letters[0].lost, waiting) == ("it had no body", "", 3)
    assert [each.message_id for each in lying(broker, topology.DEAD)] == ["a", "b", "c"]


async def test_one_that_is_published_again_is_what_it_had_been(broker: MemoryBroker) -> None:
    original = message("a")
    await bury(broker, original, message("b"))
    dead = DeadLetters(broker)
    (first, _), _ = await dead.page(0, 10)

    done = await dead.resolve([first.id], republish=True)

    assert (done.gone, done.failed) == (1, {})
    assert lying(broker, topology.shard_queue(1)) == [original]
    assert [each.message_id for each in lying(broker, topology.DEAD)] == ["b"]


async def test_one_that_is_discarded_goes_nowhere(broker: MemoryBroker) -> None:
    await bury(broker, message("a"), message("b"))
    dead = DeadLetters(broker)
    (_, second), _ = await dead.page(0, 10)

    assert (await dead.resolve([second.id], republish=False)).gone == 1

    assert [each.message_id for each in lying(broker, topology.DEAD)] == ["a"]
    assert lying(broker, topology.shard_queue(1)) == []


async def test_the_same_twice_is_resolved_at_once(broker: MemoryBroker) -> None:
    await bury(broker, message("a"), message("a"), replace(message("a"), app_id="other"))
    dead = DeadLetters(broker)
    (first, second, other), _ = await dead.page(0, 10)

    assert first.id == second.id != other.id
    assert (await dead.resolve([first.id], republish=False)).gone == 2


async def test_what_rabbitmq_writes_when_one_looks_makes_no_other_message_of_it(
    broker: MemoryBroker,
) -> None:
    original = message("a")
    for count in (1, 2):
        counted = {**HEADERS, "x-delivery-count": count, "x-death": "kull.router.01"}
        await bury(broker, replace(original, headers=counted))
    dead = DeadLetters(broker)
    (first, second), _ = await dead.page(0, 10)

    assert first.id == second.id
    assert (await dead.resolve([first.id], republish=True)).gone == 2
    assert lying(broker, topology.shard_queue(1)) == [original, original]


async def test_what_rabbitmq_does_not_take_stays_where_it_is(broker: MemoryBroker) -> None:
    await bury(broker, message("a"))
    dead = DeadLetters(broker)
    (letter,), _ = await dead.page(0, 10)
    broker.server.delete_exchange(topology.CREDIT)

    done = await dead.resolve([letter.id], republish=True)

    assert done.gone == 0
    assert "kull.credit" in done.failed[letter.id]
    assert len(lying(broker, topology.DEAD)) == 1


async def test_one_that_does_not_say_where_it_was_published_says_so(broker: MemoryBroker) -> None:
    dead = DeadLetters(broker)
    await broker.publish(message("a", exchange=topology.DEAD, type="SOMETHING"))
    await bury(broker, message("b", exchange="kull.mistake"))
    letters, _ = await dead.page(0, 10)

    assert all("publish it anew" in each.lost for each in letters)
    done = await dead.resolve([each.id for each in letters], republish=True)
    assert (done.gone, set(done.failed)) == (0, {each.id for each in letters})


async def test_an_older_version_s_dead_letter_goes_where_its_type_goes(
    broker: MemoryBroker,
) -> None:
    dead = DeadLetters(broker)
    await broker.publish(message("a", exchange=topology.DEAD))
    (letter,), _ = await dead.page(0, 10)

    assert (await dead.resolve([letter.id], republish=True)).gone == 1
    assert [each.exchange for each in lying(broker, topology.shard_queue(1))] == [topology.CREDIT]


async def test_a_burst_that_an_older_version_has_buried_is_a_burst_again(
    broker: MemoryBroker,
) -> None:
    dead = DeadLetters(broker)
    await broker.publish(message("a", exchange=topology.DEAD, type=topology.BATCH))
    (letter,), _ = await dead.page(0, 10)

    assert (await dead.resolve([letter.id], republish=True)).gone == 1
    assert [each.exchange for each in lying(broker, topology.shard_queue(1))] == [topology.BURSTS]


async def test_an_unknown_id_is_told(broker: MemoryBroker) -> None:
    assert "gone already" in (await DeadLetters(broker).resolve(["x"], republish=True)).failed["x"]
