"""What callers notice of a RabbitMQ that is away, refuses, or is slow; and of giving up."""

from __future__ import annotations

import asyncio

import pytest

from kull_producers import (
    AccessRefused,
    ConnectError,
    NotRoutable,
    Overloaded,
    Publisher,
    PublishError,
    PublishTimeout,
)
from kull_producers.testing import InMemoryPublisher, MemoryTransport
from tests.support.until import until
from tests.unit.producers.scripted import (
    ScriptedTransport,
    SwallowingTransport,
    at_once,
    credit,
    ended,
    start,
)


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
