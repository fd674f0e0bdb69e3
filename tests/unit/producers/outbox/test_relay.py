from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from kull_producers import (
    ConnectError,
    NoAnswer,
    NotDeployed,
    NotRoutable,
    PublishError,
    ShardCountMismatch,
)
from kull_producers.contract.shard import shard_of
from kull_producers.outbox import relay
from kull_producers.publishing.transport import BLOCKED
from kull_producers.testing import MemoryTransport
from tests.support.until import until
from tests.unit.producers.outbox.publishers import (
    FaultyTransport,
    credit,
    credits_of,
    ids,
    publisher_on,
)
from tests.unit.producers.scripted import ScriptedTransport, SwallowingTransport, ended


async def test_an_address_keeps_the_order_of_the_calls_through_refusals_and_outages(
    tmp_path: Path,
) -> None:
    transport = MemoryTransport()
    keys = [f"e-{n:03}" for n in range(300)]
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        for user in ("ada", "bob"):
            await credits_of(publisher, [f"{user}-{key}" for key in keys], user=user)
        transport.fail_next(*[PublishError("full")] * 5, *[ConnectError("lost")] * 5)
        transport.down = False
        await publisher.flush(10)

    for user in ("ada", "bob"):
        seen = ids(transport, user=user)
        assert list(dict.fromkeys(seen)) == [f"{user}-{key}" for key in keys]


async def test_the_next_of_an_address_is_sent_after_the_confirm_and_others_meanwhile(
    tmp_path: Path,
) -> None:
    transport = ScriptedTransport()
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credits_of(publisher, ["a-1", "a-2"])
        await credit(publisher, "b-1", user="bob")
        ends = dict([await transport.next(), await transport.next()])
        assert set(ends) == {"a-1", "b-1"}
        ends["a-1"].set_result(None)
        assert (await transport.next())[0] == "a-2"


async def test_a_publish_that_the_client_library_gives_up_is_sent_again_and_nothing_stays_behind(
    tmp_path: Path,
) -> None:
    transport = ScriptedTransport()
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credits_of(publisher, ["a-1", "a-2"])
        name, end = await transport.next()
        end.cancel()  # as a library does when it finds its connection dead
        again = [name]
        while len(again) < 3:
            name, end = await transport.next()
            again.append(name)
            end.set_result(None)
        await publisher.flush(10)

    assert again == ["a-1", "a-1", "a-2"]


async def test_no_more_are_in_flight_than_allowed(tmp_path: Path) -> None:
    transport = ScriptedTransport()
    async with publisher_on(tmp_path / "o.db", transport, in_flight=2) as publisher:
        for number in range(5):
            await credit(publisher, f"e-{number}", user=f"u-{number}")
        first, second = await transport.next(), await transport.next()
        assert transport.sent.empty()
        first[1].set_result(None)
        await transport.next()
        second[1].set_result(None)


async def test_a_long_backlog_is_read_in_pages(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport, max_rows=3000) as publisher:
        for user in range(20):
            await credits_of(publisher, [f"{user}-{n:03}" for n in range(100)], user=f"u{user}")
        transport.down = False
        await publisher.flush(20)

    assert len(ids(transport)) == 2000
    for user in range(20):
        assert ids(transport, user=f"u{user}") == [f"{user}-{n:03}" for n in range(100)]


async def test_what_came_while_enough_was_in_memory_is_published_without_another_call(
    tmp_path: Path,
) -> None:
    transport = MemoryTransport()
    transport.hold.clear()  # connected, and confirms nothing
    keys = [f"e-{number:03}" for number in range(400)]
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        for start in range(0, 400, 20):
            await credits_of(publisher, keys[start : start + 20])
        transport.hold.set()
        await publisher.flush(20)

    assert ids(transport) == keys


async def test_an_event_that_is_refused_for_good_is_set_aside_and_can_be_retried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = ["bad"]
    transport = FaultyTransport(lambda m: NotRoutable("no queue") if m.message_id in bad else None)
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credits_of(publisher, ["e-1", "bad", "e-2"])
        await publisher.flush(5)
        assert ids(transport) == ["e-1", "e-2"]
        status = await publisher.status()
        assert (status.pending, status.refused) == (0, 1)
        assert "set aside as refused: no queue" in caplog.text

        bad.clear()
        assert await publisher.retry_refused() == 1
        await publisher.flush(5)
        assert (await publisher.status()).refused == 0

    assert ids(transport) == ["e-1", "e-2", "bad"]
    assert transport.attempts.count("bad") == 8 + 1


async def test_a_refused_event_holds_up_its_own_address_only(tmp_path: Path) -> None:
    refused = True
    transport = FaultyTransport(
        lambda message: PublishError("full") if refused and message.message_id < "b" else None
    )
    async with publisher_on(tmp_path / "o.db", transport, max_rows=2000) as publisher:
        await credits_of(publisher, [f"a-{n:03}" for n in range(900)])  # more than memory holds
        await credits_of(publisher, ["b-1", "b-2"], user="bob")
        await until(lambda: len(transport.messages) >= 2, every=0)
        assert ids(transport) == ["b-1", "b-2"]
        refused = False
        await publisher.flush(10)

    assert ids(transport, user="ada") == [f"a-{n:03}" for n in range(900)]


async def test_nothing_is_refused_while_the_topology_is_missing(tmp_path: Path) -> None:
    missing = True
    transport = FaultyTransport(lambda _: NotRoutable("no exchange") if missing else None)
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await publisher.flush(5)  # it is connected
        transport.check_failures = [NotDeployed("gone")] * 30
        await credit(publisher, "e-1")
        await until(lambda: not transport.check_failures, every=0)
        missing = False
        await publisher.flush(5)
        assert (await publisher.status()).refused == 0

    assert ids(transport) == ["e-1"]


async def test_an_event_that_breaks_the_connection_is_found_and_set_aside(tmp_path: Path) -> None:
    transport = FaultyTransport(
        lambda message: ConnectError("too large") if message.message_id == "bad" else None
    )
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credit(publisher, "bad")
        for number in range(40):
            await credit(publisher, f"e-{number}", user=f"u-{number}")
        transport.down = False
        await publisher.flush(10)
        status = await publisher.status()

    assert set(ids(transport)) == {f"e-{number}" for number in range(40)}
    assert status.refused == 1
    with sqlite3.connect(tmp_path / "o.db") as db:
        (row,) = db.execute("SELECT message_id, reason FROM refused").fetchall()
    db.close()
    assert row == ("bad", "publishing it has broken the connection 8 times")


async def test_a_wrong_shard_count_stops_loudly_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport, shard_count=4) as publisher:
        await credit(publisher, "e-1")
        transport.down = False
        with pytest.raises(ShardCountMismatch):
            await publisher.flush(5)
        with pytest.raises(ShardCountMismatch):
            await credit(publisher, "e-2")
        assert publisher.pending == 1
    assert "has stopped and keeps its events" in caplog.text

    transport = MemoryTransport()
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await publisher.flush(5)
    [message] = transport.messages
    assert message.message_id == "e-1"
    assert message.routing_key.startswith(f"{shard_of('user:ada', 16):02d}.")


async def test_a_defect_of_the_transport_does_not_end_the_relay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [ZeroDivisionError("defect")]
    transport = FaultyTransport(lambda _: faults.pop() if faults else None)
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credit(publisher, "e-1")
        await publisher.flush(5)

    assert ids(transport) == ["e-1"]
    assert "defect" in caplog.text


async def test_a_long_alarm_is_waited_out_in_order_and_not_told_for_each_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "CONFIRM_TIMEOUT", 0.02)
    transport = FaultyTransport(lambda message: None)
    transport.short = True
    transport.hold.clear()
    keys = [f"e-{number}" for number in range(5)]
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credits_of(publisher, keys)
        await until(lambda: transport.attempts.count("e-0") >= 3)
        transport.hold.set()
        await publisher.flush(5)

    assert ids(transport) == keys
    assert "e-0" not in caplog.text


@pytest.mark.parametrize("call", ["check_shard_count", "publish"])
@pytest.mark.parametrize("error", [ConnectError("lost"), PublishError("nack")])
async def test_it_ends_when_it_is_told_to_whatever_happens_at_that_moment(
    call: str, error: PublishError | ConnectError, tmp_path: Path
) -> None:
    transport = SwallowingTransport(call, error=error)
    publisher = publisher_on(tmp_path / "o.db", transport)
    await publisher.__aenter__()
    await credit(publisher, "a-1")
    await until(lambda: transport.calls == 1)

    closing = asyncio.create_task(publisher.__aexit__(None, None, None), name="close")
    (await ended(closing)).result()


@pytest.mark.parametrize("error", [ConnectError("lost"), PublishError("nack")])
async def test_it_begins_anew_although_a_line_swallows_that_it_shall_end(
    error: PublishError | ConnectError, tmp_path: Path
) -> None:
    transport = SwallowingTransport(error=error)
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        transport.swallows = ("publish",)
        await credit(publisher, "a-1")
        await until(lambda: transport.calls == 1)
        transport.swallows = ()
        transport.fail_next(ConnectError("lost"))  # this ends the session, and so the other line
        await credit(publisher, "b-1", user="bob")
        await publisher.flush(5)

    assert sorted(ids(transport)) == ["a-1", "b-1"]


async def test_a_silent_broker_is_told_and_drained_into_in_order_when_it_is_back(
    tmp_path: Path,
) -> None:
    transport = MemoryTransport(patience=0.05)
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credit(publisher, "a-0")
        await publisher.flush(5)
        transport.answers.clear()
        for user in ("ada", "bob"):
            await credits_of(publisher, [f"{user}-{n}" for n in range(50)], user=user)
        async with asyncio.timeout(5):
            while "silent" not in (await publisher.status()).problem:
                await asyncio.sleep(0.01)
        assert publisher.pending == 100

        transport.answers.set()
        await publisher.flush(5)
        assert (await publisher.status()).problem == ""

    assert ids(transport, user="ada") == ["a-0", *(f"ada-{n}" for n in range(50))]
    assert ids(transport, user="bob") == [f"bob-{n}" for n in range(50)]


async def test_silence_however_often_is_no_fault_of_the_events_that_met_it(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.fail_next(*[NoAnswer("silent")] * (2 * relay.TRIES))
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credit(publisher, "a-1")
        await publisher.flush(5)
        assert (await publisher.status()).refused == 0

    assert ids(transport) == ["a-1"]


async def test_events_that_get_no_confirm_are_told_of_until_they_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "CONFIRM_TIMEOUT", 0.02)
    transport = MemoryTransport()
    transport.hold.clear()
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credit(publisher, "a-1")
        async with asyncio.timeout(5):
            while "confirms no events" not in (await publisher.status()).problem:
                await asyncio.sleep(0.01)
        transport.hold.set()
        await publisher.flush(5)
        assert (await publisher.status()).problem == ""


async def test_a_check_that_waits_for_memory_or_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "CHECK_TIMEOUT", 0.02)
    transport = MemoryTransport(patience=60)
    transport.answers.clear()
    transport.short = True
    async with publisher_on(tmp_path / "o.db", transport) as publisher, asyncio.timeout(5):
        while BLOCKED not in str(publisher._relay and publisher._relay._problem):
            await asyncio.sleep(0.01)
