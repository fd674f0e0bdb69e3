from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kull_producers import (
    AccessRefused,
    ConnectError,
    KullError,
    NotRoutable,
    Publisher,
    PublishError,
    PublishTimeout,
)
from kull_producers.events import batch, topology
from kull_producers.events.message import Message
from kull_producers.publishing.bursts import UNDER_WAY, Bursts
from kull_producers.testing import MemoryTransport
from tests.unit.producers.publishing.test_burst_line import credit, tick
from tests.unit.producers.scripted import ScriptedTransport, at_once, start


async def opened(transport: MemoryTransport | ScriptedTransport) -> Bursts:
    bursts = Bursts(transport)
    await bursts.check_shard_count(16)
    return bursts


def carried(transport: MemoryTransport) -> list[list[str]]:
    """The ids of the events of each message."""
    return [
        [each.message_id for each in (batch.messages_in(one) if batch.is_batch(one) else [one])]
        for one in transport.messages
    ]


async def turns(count: int = 8) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def proved(transport: ScriptedTransport, bursts: Bursts) -> None:
    """Let a batch be confirmed: what follows one that is not may overtake it."""
    batch_of_two = asyncio.gather(*(bursts.publish(credit(f"proof-{n}")) for n in range(2)))
    (await transport.next())[1].set_result(None)
    await batch_of_two
    transport.messages.clear()


async def publish_all(bursts: Bursts, *messages: Message) -> list[BaseException | None]:
    return await asyncio.gather(*map(bursts.publish, messages), return_exceptions=True)


async def test_what_is_published_in_one_turn_travels_together_and_all_are_confirmed() -> None:
    transport = MemoryTransport()
    bursts = await opened(transport)

    assert await publish_all(bursts, *(credit(str(n)) for n in range(5))) == [None] * 5
    assert carried(transport) == [["0", "1", "2", "3", "4"]]
    assert [each.exchange for each in transport.messages] == [topology.BURSTS]


async def test_what_is_alone_goes_as_ever_and_at_once() -> None:
    transport = MemoryTransport()
    bursts = await opened(transport)
    await bursts.publish(credit("1"))

    assert transport.messages == [credit("1")]


async def test_shards_share_no_message() -> None:
    transport = MemoryTransport()
    bursts = await opened(transport)
    other = replace(credit("2"), routing_key="04.user.bob.credit_update")
    await publish_all(bursts, credit("1"), other, credit("3"))

    assert carried(transport) == [["1", "3"], ["2"]]


async def test_only_behind_two_messages_of_its_shard_an_event_waits_and_then_they_go_together() -> (
    None
):
    transport = ScriptedTransport()
    bursts = await opened(transport)
    await proved(transport, bursts)
    async with asyncio.TaskGroup() as calls:
        for number in range(6):
            calls.create_task(bursts.publish(credit(str(number))), name=str(number))
            await turns(4)
        assert len(transport.messages) == UNDER_WAY

        _, first = await transport.next()
        first.set_result(None)
        await turns()
        assert [each.type for each in transport.messages[UNDER_WAY:]] == [topology.BATCH]
        assert len(batch.messages_in(transport.messages[-1])) == 4
        for _ in range(2):
            (await transport.next())[1].set_result(None)


async def test_nothing_overtakes_a_batch_before_one_was_confirmed() -> None:
    transport = ScriptedTransport()
    bursts = await opened(transport)
    first = asyncio.gather(*(bursts.publish(credit(str(n))) for n in range(2)))
    _, end = await transport.next()
    later = asyncio.create_task(bursts.publish(credit("later")))
    await turns()
    assert len(transport.messages) == 1

    end.set_exception(NotRoutable("the exchange is bound to nothing yet"))
    for name in ("0", "1", "later"):
        sent, end = await transport.next()
        assert sent == name
        end.set_result(None)
    await asyncio.gather(first, later)


async def test_a_deployment_without_batches_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transport = MemoryTransport()
    transport.batches = False
    bursts = await opened(transport)
    await bursts.check_shard_count(16)

    assert [record.getMessage()[:27] for record in caplog.records] == [
        "events are sent one by one:"
    ]


async def test_until_routers_are_known_to_take_batches_each_event_goes_alone() -> None:
    transport = MemoryTransport()
    transport.batches = False
    bursts = await opened(transport)
    await publish_all(bursts, *(credit(str(n)) for n in range(4)))
    assert carried(transport) == [["0"], ["1"], ["2"], ["3"]]

    transport.batches = True
    await bursts.check_shard_count(16)
    await publish_all(bursts, credit("4"), credit("5"))
    assert carried(transport)[4:] == [["4", "5"]]


async def test_a_refused_batch_is_sent_event_by_event_and_each_has_its_own_fate() -> None:
    transport = MemoryTransport()
    bursts = await opened(transport)
    transport.batches = False  # somebody has deleted the exchange
    unknown = replace(credit("2"), exchange="kull.nowhere")

    fates = await publish_all(bursts, credit("1"), unknown, credit("3"))

    assert fates[0] is fates[2] is None
    assert isinstance(fates[1], NotRoutable)
    assert carried(transport) == [["1"], ["3"]]
    await publish_all(bursts, credit("4"), credit("5"))
    assert carried(transport)[2:] == [["4"], ["5"]]


async def test_an_account_without_the_right_loses_no_event_by_it() -> None:
    transport = MemoryTransport()
    bursts = await opened(transport)
    transport.fail_next(AccessRefused("no right to kull.bursts"))

    assert await publish_all(bursts, credit("1"), credit("2")) == [None, None]
    await bursts.check_shard_count(16)
    assert await publish_all(bursts, credit("3"), credit("4")) == [None, None]
    assert carried(transport) == [["1"], ["2"], ["3"], ["4"]]


async def test_an_event_that_cannot_be_encoded_does_not_fail_its_neighbours() -> None:
    class Encoding(MemoryTransport):
        async def publish(self, message: Message) -> None:
            message.app_id.encode()
            await super().publish(message)

    transport = Encoding()
    bursts = await opened(transport)
    fates = await publish_all(
        bursts, credit("1"), replace(credit("2"), app_id="\ud800"), credit("3")
    )

    assert fates[0] is fates[2] is None
    assert isinstance(fates[1], UnicodeEncodeError)
    assert carried(transport) == [["1"], ["3"]]


@pytest.mark.parametrize("problem", [ConnectError("gone"), PublishError("refused")])
async def test_what_befalls_a_message_is_told_to_all_its_callers(problem: KullError) -> None:
    transport = MemoryTransport()
    bursts = await opened(transport)
    transport.fail_next(problem)

    assert await publish_all(bursts, credit("1"), credit("2")) == [problem, problem]
    assert transport.messages == []


async def test_what_waits_behind_a_failed_event_of_its_user_does_not_overtake_its_retry() -> None:
    transport = ScriptedTransport()
    async with (
        Publisher(transport, bursts=True, jitter=at_once) as publisher,
        asyncio.TaskGroup() as tasks,
    ):
        start(tasks, publisher, ["a", "batch"])
        (await transport.next())[1].set_result(None)
        await turns()
        for key in ("1", "2", "3", "4"):
            start(tasks, publisher, [key])
            await turns()
        (_, first), (_, second) = await transport.next(), await transport.next()
        second.set_exception(PublishError("lost as well"))
        first.set_exception(PublishError("no space"))
        again: list[str] = []
        while len(again) < 4:
            name, end = await transport.next()
            sent = transport.messages[-1]
            events = batch.messages_in(sent) if batch.is_batch(sent) else [sent]
            assert events[0].message_id == name
            again += [each.message_id for each in events]
            end.set_result(None)
            await turns()

    assert again == ["1", "2", "3", "4"]


async def test_ticks_that_wait_are_conflated_and_every_caller_is_answered() -> None:
    transport = MemoryTransport()
    bursts = await opened(transport)

    assert await publish_all(bursts, *(tick(n, n) for n in range(1, 9))) == [None] * 8
    assert transport.messages == [tick(8, 8)]


async def test_when_the_newest_fails_all_its_callers_are_told() -> None:
    transport = MemoryTransport()
    bursts = await opened(transport)
    transport.fail_next(PublishError("refused"))

    fates = await publish_all(bursts, *(tick(n, n) for n in range(1, 4)))
    assert [type(fate) for fate in fates] == [PublishError] * 3


async def test_a_caller_that_gives_up_leaves_the_others_what_they_wait_for() -> None:
    transport = MemoryTransport()
    bursts = await opened(transport)
    calls = [asyncio.create_task(bursts.publish(tick(n, n)), name=f"tick-{n}") for n in (1, 2, 3)]
    await asyncio.sleep(0)
    calls[2].cancel()
    fates = await asyncio.gather(*calls, return_exceptions=True)

    assert fates[:2] == [None, None]
    assert isinstance(fates[2], asyncio.CancelledError)
    assert transport.messages == [tick(3, 3)]


async def test_what_nobody_waits_for_any_more_is_not_sent() -> None:
    transport = MemoryTransport()
    bursts = await opened(transport)
    call = asyncio.create_task(bursts.publish(credit("1")), name="call")
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await turns()

    assert transport.messages == []


async def test_a_message_whose_callers_have_all_given_up_is_given_up() -> None:
    transport = ScriptedTransport()
    bursts = await opened(transport)
    calls = [asyncio.create_task(bursts.publish(credit(n)), name=n) for n in "12"]
    _, end = await transport.next()
    calls[0].cancel()
    await turns()
    assert not end.cancelled()
    calls[1].cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await turns()

    assert end.cancelled()


async def test_a_message_that_was_given_up_fails_nobody_behind_it() -> None:
    transport = ScriptedTransport()
    bursts = await opened(transport)
    await proved(transport, bursts)
    calls = []
    for number in range(3):
        calls.append(asyncio.create_task(bursts.publish(credit(str(number))), name=str(number)))
        await turns()
    (_, first), (_, second) = await transport.next(), await transport.next()
    calls[0].cancel()
    await turns()
    assert first.cancelled()
    second.set_result(None)
    (await transport.next())[1].set_result(None)

    assert await asyncio.gather(*calls[1:]) == [None, None]


async def test_closing_tells_whoever_waits_and_leaves_no_task() -> None:
    transport = ScriptedTransport()
    bursts = await opened(transport)
    calls = []
    for number in range(4):
        calls.append(asyncio.create_task(bursts.publish(credit(str(number))), name=str(number)))
        await turns()
    await bursts.aclose()
    fates = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(fate) for fate in fates] == [ConnectError] * 4
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("kull-burst")]
    with pytest.raises(ConnectError):
        await bursts.publish(credit("late"))


async def test_closing_tells_whoever_waits_also_when_the_connection_does_not_close_well() -> None:
    class Stubborn(ScriptedTransport):
        async def aclose(self) -> None:
            raise OSError("no")

    transport = Stubborn()
    bursts = await opened(transport)
    calls = [asyncio.create_task(bursts.publish(credit(str(n)))) for n in range(3)]
    await turns()
    with pytest.raises(OSError, match="no"):
        await bursts.aclose()

    fates = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(fate) for fate in fates] == [ConnectError] * 3


async def test_what_goes_to_several_users_is_left_out_for_none_since_it_may_be_repeated() -> None:
    transport = MemoryTransport()
    async with Publisher(transport, bursts=True) as publisher:
        await asyncio.gather(
            *(
                publisher.prompt_change(user_ids=["ada", "bob"], prompt_id="p", action=action)
                for action in ("created", "updated")
            )
        )

    assert sum(map(len, carried(transport))) == 4


async def test_a_publisher_conflates_what_it_has_named_itself_and_nothing_else() -> None:
    async def progress(publisher: Publisher, done: int, key: str | None) -> str:
        return await publisher.shoot_progress(
            user_id="ada", shoot_id="s", status="processing", processed_count=done,
            total_count=9, provider="Test", idempotency_key=key,
        )  # fmt: skip

    transport = MemoryTransport()
    async with Publisher(transport, bursts=True) as publisher:
        ids = await asyncio.gather(*(progress(publisher, done, None) for done in (1, 2, 3)))
        await asyncio.gather(*(progress(publisher, done, f"k-{done}") for done in (4, 5, 6)))

    assert carried(transport) == [[ids[2]], ["k-4", "k-5", "k-6"]]


async def test_a_call_that_waits_in_line_ends_by_its_timeout() -> None:
    transport = MemoryTransport()
    transport.hold.clear()
    async with Publisher(transport, bursts=True, timeout=0.1) as publisher:
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as tasks:
                for key in "123":
                    start(tasks, publisher, [key])
                    await turns()
        transport.hold.set()

    assert caught.group_contains(PublishTimeout)
