from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

import pytest

from kull_producers import (
    AccessRefused,
    ConnectError,
    InvalidEvent,
    NotRoutable,
    Overloaded,
    Publisher,
    PublisherClosed,
    PublishError,
    PublishTimeout,
    ShardCountMismatch,
    ShootProgress,
    connect,
)
from kull_producers.events import topology
from kull_producers.testing import InMemoryPublisher, MemoryTransport
from tests.support.until import until
from tests.unit.producers.scripted import ScriptedTransport, SwallowingTransport, ended


def at_once() -> float:
    return 0.0


async def credit(publisher: Publisher, key: str, *, user: str = "ada") -> str:
    return await publisher.credit_update(
        user_id=user, new_balance=1, change=1, reason="Test", idempotency_key=key
    )


def start(
    tasks: asyncio.TaskGroup, publisher: Publisher, keys: Iterable[str], *, user: str = "ada"
) -> list[asyncio.Task[str]]:
    return [
        tasks.create_task(credit(publisher, key, user=user), name=f"credit-{key}") for key in keys
    ]


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


async def test_after_a_lost_connection_the_unconfirmed_go_first_and_in_order() -> None:
    transport = ScriptedTransport()
    async with Publisher(transport, jitter=at_once) as publisher, asyncio.TaskGroup() as tasks:
        start(tasks, publisher, ["1", "2", "3"])
        lost = [await transport.next() for _ in range(3)]
        for _, end in reversed(lost):
            end.set_exception(ConnectError("lost"))
        start(tasks, publisher, ["4", "5"])

        for _ in range(5):
            _, end = await transport.next()
            end.set_result(None)

    assert transport.stored == ["1", "2", "3", "4", "5"]


async def test_a_refused_event_stops_its_address_until_its_retry_is_confirmed() -> None:
    transport = ScriptedTransport()
    async with Publisher(transport, jitter=at_once) as publisher, asyncio.TaskGroup() as tasks:
        start(tasks, publisher, ["1"])
        _, end = await transport.next()
        end.set_exception(PublishError("nack"))
        key, retry = await transport.next()
        start(tasks, publisher, ["2"])
        start(tasks, publisher, ["x"], user="bob")

        other, other_end = await transport.next()
        assert (key, other) == ("1", "x"), "another address does not wait"
        other_end.set_result(None)
        assert transport.sent.empty()
        retry.set_result(None)
        (await transport.next())[1].set_result(None)

    assert transport.stored == ["x", "1", "2"]


async def test_an_outage_that_ends_in_time_is_not_noticed(caplog: pytest.LogCaptureFixture) -> None:
    publisher = InMemoryPublisher()
    transport = publisher.transport
    async with Publisher(transport, jitter=at_once, timeout=5) as patient:
        transport.fail_next(ConnectError("away"), PublishError("nack"), ConnectError("away"))
        await credit(patient, "e-1")

    assert [message.message_id for message in transport.messages] == ["e-1"]
    assert "RabbitMQ is away, trying again: away" in caplog.text
    assert "RabbitMQ is back" in caplog.text


async def test_an_outage_that_lasts_raises_what_is_wrong_within_the_timeout() -> None:
    transport = MemoryTransport()
    async with Publisher(transport, jitter=at_once, timeout=0.05) as publisher:
        transport.down = True
        with pytest.raises(ConnectError, match="down or closed"):
            await credit(publisher, "e-1")

        transport.down = False
        assert await credit(publisher, "e-1") == "e-1"


async def test_no_confirm_in_time_says_that_the_event_may_be_stored() -> None:
    transport = MemoryTransport()
    async with Publisher(transport, timeout=0.05) as publisher:
        transport.hold.clear()
        with pytest.raises(PublishTimeout, match="publish it again with the same idempotency_key"):
            await credit(publisher, "e-1")
        transport.hold.set()
        await credit(publisher, "e-2")


async def test_too_many_in_flight_raises_and_publishes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transport = ScriptedTransport()
    loop = asyncio.get_running_loop()
    async with Publisher(transport, in_flight=1, timeout=0.1) as publisher:
        with monkeypatch.context() as clock:
            begin = loop.time()
            clock.setattr(loop, "time", lambda: begin)  # they end in one moment, however busy it is
            calls = [asyncio.create_task(credit(publisher, key, user=key)) for key in "123"]
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [PublishTimeout, Overloaded, Overloaded]
    assert (await transport.next())[0] == "1"
    assert transport.sent.empty()


async def test_giving_up_an_event_lets_the_next_of_its_address_go() -> None:
    transport = ScriptedTransport()
    async with Publisher(transport, jitter=at_once) as publisher:
        first = asyncio.create_task(credit(publisher, "1"), name="first")
        (await transport.next())[1].set_exception(PublishError("nack"))
        await transport.next()
        second = asyncio.create_task(credit(publisher, "2"), name="second")
        first.cancel()

        key, end = await transport.next()
        end.set_result(None)
        assert key == await second == "2"


async def test_a_waiting_call_goes_on_when_a_slot_is_free() -> None:
    transport = ScriptedTransport()
    async with Publisher(transport, in_flight=1) as publisher, asyncio.TaskGroup() as tasks:
        start(tasks, publisher, ["1", "2"])
        _, end = await transport.next()
        assert transport.sent.empty()
        end.set_result(None)
        _, end = await transport.next()
        end.set_result(None)


@pytest.mark.parametrize("error", [NotRoutable("no router"), AccessRefused("no right")])
async def test_what_a_retry_cannot_help_is_raised_at_once(error: Exception) -> None:
    transport = MemoryTransport()
    async with Publisher(transport, timeout=60) as publisher:
        transport.fail_next(error)  # type: ignore[arg-type]
        with pytest.raises(type(error)):
            await credit(publisher, "e-1")


async def test_a_cancelled_call_leaves_the_address_usable() -> None:
    transport = ScriptedTransport()
    async with Publisher(transport) as publisher:
        stuck = asyncio.create_task(credit(publisher, "1"), name="stuck")
        await transport.next()
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck

        after = asyncio.create_task(credit(publisher, "2"), name="after")
        (await transport.next())[1].set_result(None)
        assert await after == "2"


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


async def test_opening_waits_for_rabbitmq() -> None:
    transport = MemoryTransport()
    transport.down = True
    publisher = Publisher(transport, jitter=at_once)

    async def bring_up() -> None:
        await until(lambda: transport.dials >= 3, every=0)
        transport.down = False

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bring_up(), name="bring-up")
        async with publisher:
            await credit(publisher, "e-1")


async def test_opening_gives_up_after_the_timeout_with_the_reason() -> None:
    transport = MemoryTransport()
    transport.down = True
    with pytest.raises(ConnectError, match="down or closed"):
        async with Publisher(transport, timeout=0.05):
            raise AssertionError("must not open")


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


async def test_opening_ends_in_time_when_the_time_out_comes_together_with_an_error() -> None:
    transport = SwallowingTransport("check_shard_count", error=ConnectError("refused"))
    opening = Publisher(transport, timeout=0.02, jitter=at_once)
    task = asyncio.create_task(opening.__aenter__(), name="open")

    with pytest.raises(ConnectError, match="refused"):
        (await ended(task)).result()
    assert transport.calls == 1


@pytest.mark.parametrize("error", [ConnectError("lost"), PublishError("nack")])
async def test_a_publish_ends_in_time_when_the_time_out_comes_together_with_an_error(
    error: PublishError | ConnectError,
) -> None:
    transport = SwallowingTransport("publish", error=error)
    async with Publisher(transport, timeout=0.02, jitter=at_once) as publisher:
        task = asyncio.create_task(credit(publisher, "e-1"), name="credit")
        with pytest.raises(PublishTimeout):
            (await ended(task)).result()
    assert transport.calls == 1


@pytest.mark.parametrize("error", [ConnectError("lost"), PublishError("nack")])
async def test_a_cancelled_publish_is_cancelled_whatever_happens_at_that_moment(
    error: PublishError | ConnectError,
) -> None:
    transport = SwallowingTransport("publish", error=error)
    async with Publisher(transport, timeout=60, jitter=at_once) as publisher:
        task = asyncio.create_task(credit(publisher, "e-1"), name="credit")
        await until(lambda: transport.calls == 1)
        task.cancel()
        assert (await ended(task)).cancelled()


async def test_a_task_that_was_cancelled_before_still_publishes_with_retries() -> None:
    transport = MemoryTransport()
    async with Publisher(transport, jitter=at_once) as publisher:

        async def last_words() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                transport.fail_next(ConnectError("lost"), PublishError("nack"))
                await credit(publisher, "last")

        task = asyncio.create_task(last_words(), name="last-words")
        await asyncio.sleep(0)
        task.cancel()
        (await ended(task)).result()

    assert [message.message_id for message in transport.messages] == ["last"]
