from __future__ import annotations

import asyncio
import json

import pytest

from kull_producers import (
    ConnectError,
    InvalidEvent,
    NotRoutable,
    Publisher,
    PublisherClosed,
    ShardCountMismatch,
    ShootProgress,
    connect,
)
from kull_producers.events import topology
from kull_producers.testing import InMemoryPublisher, MemoryTransport
from tests.unit.producers.scripted import (
    ScriptedTransport,
    credit,
    start,
)


async def test_a_call_returns_the_id_once_the_event_is_confirmed() -> None:
    transport = ScriptedTransport()
    async with Publisher(transport) as publisher, asyncio.TaskGroup() as tasks:
        [call] = start(tasks, publisher, ["e-1"])
        sent, end = await transport.next()
        assert not call.done()
        end.set_result(None)
        assert await call == sent == "e-1"


async def test_ids_are_made_when_none_is_given() -> None:
    async with InMemoryPublisher() as publisher:
        ids = [
            await publisher.prompt_change(prompt_id="p", action="voted"),
            await publisher.prompt_change(prompt_id="p", action="voted"),
        ]

    assert [event.id for event in publisher.events] == ids
    assert ids[0] != ids[1]


async def test_versions_follow_the_order_of_the_calls() -> None:
    async with InMemoryPublisher() as publisher, asyncio.TaskGroup() as tasks:
        for done in range(50):
            tasks.create_task(
                publisher.shoot_progress(
                    user_id="ada",
                    shoot_id="s",
                    status="processing",
                    processed_count=done,
                    total_count=50,
                    provider="Test",
                ),
                name=f"tick-{done}",
            )

    versions = [m.headers[topology.HEADER_VERSION] for m in publisher.transport.messages]
    assert [event.data["processedCount"] for event in publisher.events] == list(range(50))
    assert versions == sorted(set(versions))


async def test_a_call_that_is_repeated_keeps_its_place() -> None:
    async def told(publisher: InMemoryPublisher, done: int) -> None:
        await publisher.shoot_progress(
            user_id="ada",
            shoot_id="s",
            status="processing",
            processed_count=done,
            total_count=50,
            provider="Test",
            idempotency_key=f"tick-{done}",
        )

    async with InMemoryPublisher() as publisher:
        publisher.transport.fail_next(NotRoutable("no queue"))
        with pytest.raises(NotRoutable):
            await told(publisher, 1)
        await told(publisher, 2)
        await told(publisher, 1)

    assert [
        (message.message_id, message.headers[topology.HEADER_VERSION])
        for message in publisher.transport.messages
    ] == [("tick-2", 2), ("tick-1", 1)]


async def test_many_calls_are_in_flight_at_once() -> None:
    transport = ScriptedTransport()
    keys = [f"e-{n}" for n in range(20)]
    async with Publisher(transport) as publisher, asyncio.TaskGroup() as tasks:
        start(tasks, publisher, keys)
        sent = [await transport.next() for _ in keys]
        assert [key for key, _ in sent] == keys
        for _, end in sent:
            end.set_result(None)


async def test_one_unlucky_user_does_not_keep_the_others_from_being_told() -> None:
    publisher = InMemoryPublisher()
    async with publisher:
        publisher.transport.fail_next(NotRoutable("no router"))
        with pytest.raises(NotRoutable):
            await publisher.prompt_change(prompt_id="p", action="voted", user_ids=["a", "b", "c"])

    assert [event.address for event in publisher.events] == ["user:b", "user:c"]


async def test_who_of_several_users_was_told_is_known_and_a_repeat_tells_the_others() -> None:
    async with InMemoryPublisher() as publisher:
        users = [f"user-{number}" for number in range(1000)]
        shared = NotRoutable("no router")
        publisher.transport.fail_next(shared, shared)
        with pytest.raises(NotRoutable) as caught:
            await publisher.prompt_change(prompt_id="p", action="voted", user_ids=users)

        partly = caught.value.partly
        assert partly is not None
        assert shared.partly is None  # others may have got it too
        assert partly.missing == ("user:user-0", "user:user-1")
        assert partly.confirmed == tuple(event.address for event in publisher.events)
        first = publisher.transport.messages[0]
        await publisher.prompt_change(
            prompt_id="p", action="voted", user_ids=users, idempotency_key=partly.id
        )

    again = publisher.transport.messages[998:]
    assert len(again) == 1000
    places = {(each.message_id, each.headers[topology.HEADER_VERSION]) for each in again}
    assert places == {(partly.id, first.headers[topology.HEADER_VERSION])}  # nothing newer


async def test_where_nobody_was_told_nobody_is_named() -> None:
    async with InMemoryPublisher() as publisher:
        publisher.transport.fail_next(*[NotRoutable("no router")] * 2)
        with pytest.raises(NotRoutable) as caught:
            await publisher.prompt_change(prompt_id="p", action="voted", user_ids=["a", "b"])

    assert caught.value.partly is None


async def test_user_ids_given_as_a_text_are_refused_and_nobody_is_told() -> None:
    async with InMemoryPublisher() as publisher:
        with pytest.raises(InvalidEvent, match="userIds"):
            await publisher.prompt_change(prompt_id="p", action="voted", user_ids="ada")

    assert publisher.events == []


async def test_a_wrong_event_never_reaches_the_transport() -> None:
    async with InMemoryPublisher() as publisher:
        with pytest.raises(InvalidEvent, match="newBalance"):
            await publisher.credit_update(
                user_id="ada", new_balance=float("nan"), change=1, reason="Test"
            )
        with pytest.raises(InvalidEvent, match="1 to 128 characters"):
            await credit(publisher, "x" * 129)

    assert publisher.events == []


async def test_an_event_can_be_built_first_and_published_later() -> None:
    event = ShootProgress(
        shoot_id="s", status="queued", processed_count=0, total_count=3, provider="Test"
    )
    async with InMemoryPublisher() as publisher:
        await publisher.publish(event, user_id="ada", traceparent="00-ab-cd-01")

    [message] = publisher.transport.messages
    assert message.headers[topology.HEADER_TRACEPARENT] == "00-ab-cd-01"
    assert json.loads(message.body)["userId"] == "ada"


async def test_a_wrong_shard_count_is_noticed_before_anything_is_published() -> None:
    transport = MemoryTransport(shard_count=8)
    with pytest.raises(ShardCountMismatch, match="8 shards, not 16"):
        async with Publisher(transport):
            raise AssertionError("must not open")
    with pytest.raises(ConnectError):  # and the transport has been closed
        await transport.check_shard_count(8)


async def test_a_publisher_works_only_inside_its_block() -> None:
    publisher = InMemoryPublisher()
    with pytest.raises(PublisherClosed, match="async with"):
        await credit(publisher, "e-1")
    async with publisher:
        await publisher.check()
    with pytest.raises(PublisherClosed):
        await credit(publisher, "e-1")
    with pytest.raises(PublisherClosed):
        await publisher.check()


async def test_closing_waits_for_what_is_under_way() -> None:
    transport = ScriptedTransport()
    publisher = Publisher(transport)
    async with publisher:
        call = asyncio.create_task(credit(publisher, "e-1"), name="call")
        _, end = await transport.next()
        closing = asyncio.create_task(publisher.__aexit__(None, None, None), name="closing")
        await asyncio.sleep(0)
        assert not transport.closed
        end.set_result(None)
        await closing
        assert await call == "e-1"
        assert transport.closed


@pytest.mark.parametrize(
    "url", ["", "localhost", "http://host", "amqp://", "amqp://user:se:cret@host:port/", "amqp://["]
)
def test_a_malformed_url_says_how_one_looks_and_never_repeats_the_password(url: str) -> None:
    with pytest.raises(ConnectError, match="use amqp://user:password@host") as caught:
        connect(url)

    assert "cret" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
