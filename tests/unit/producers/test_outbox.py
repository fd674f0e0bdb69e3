from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from kull_producers import (
    ConnectError,
    NotDeployed,
    NotRoutable,
    Outbox,
    OutboxError,
    OutboxFull,
    OutboxLocked,
    OutboxPublisher,
    PublisherClosed,
    PublishError,
    PublishTimeout,
    ShardCountMismatch,
    SyncOutboxPublisher,
    connect,
    connect_sync,
)
from kull_producers.contract.shard import DEFAULT_SHARD_COUNT, shard_of
from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.outbox import relay as outbox_relay
from kull_producers.testing import MemoryTransport
from tests.support.brokers import until
from tests.unit.producers.scripted import ScriptedTransport


class FaultyTransport(MemoryTransport):
    """Fails publishes by their content, and checks of the shard count in order."""

    def __init__(self, fault: Callable[[Message], Exception | None]) -> None:
        super().__init__()
        self.attempts: list[str] = []
        self.check_failures: list[Exception] = []
        self._fault = fault

    async def publish(self, message: Message) -> None:
        self.attempts.append(message.message_id)
        error = self._fault(message)
        if error is not None:
            raise error
        await super().publish(message)

    async def check_shard_count(self, shard_count: int) -> None:
        if self.check_failures:
            raise self.check_failures.pop(0)
        await super().check_shard_count(shard_count)


def at_once() -> float:
    return 0.0


def publisher_on(
    path: Path,
    transport: MemoryTransport | ScriptedTransport,
    *,
    max_rows: int = 1000,
    max_bytes: int = 10**6,
    in_flight: int = 16,
    shard_count: int = DEFAULT_SHARD_COUNT,
    now: Callable[[], float] = lambda: 1_700_000_000.0,
) -> OutboxPublisher:
    return OutboxPublisher(
        transport,
        Outbox(path=path, max_rows=max_rows, max_bytes=max_bytes, close_timeout=0.05),
        in_flight=in_flight,
        shard_count=shard_count,
        jitter=at_once,
        now=now,
    )


async def credit(publisher: OutboxPublisher, key: str, *, user: str = "ada") -> str:
    return await publisher.credit_update(
        user_id=user, new_balance=1, change=1, reason="Test", idempotency_key=key
    )


async def credits_of(publisher: OutboxPublisher, keys: Iterable[str], *, user: str = "ada") -> None:
    async with asyncio.TaskGroup() as tasks:
        for key in keys:
            tasks.create_task(credit(publisher, key, user=user), name=f"credit-{key}")


def ids(transport: MemoryTransport, *, user: str | None = None) -> list[str]:
    return [
        message.message_id
        for message in transport.messages
        if user is None or message.headers[topology.HEADER_ADDRESS] == f"user:{user}"
    ]


async def test_a_call_returns_without_rabbitmq_and_its_event_is_published_later(
    tmp_path: Path,
) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        assert await credit(publisher, "e-1") == "e-1"
        assert publisher.pending == 1
        transport.down = False
        await publisher.flush(5)
        assert publisher.pending == 0

    assert ids(transport) == ["e-1"]


async def test_opening_waits_for_no_router(tmp_path: Path) -> None:
    transport = FaultyTransport(lambda _: None)
    transport.check_failures = [NotDeployed("no router yet"), ConnectError("away")]
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credit(publisher, "e-1")
        await publisher.flush(5)

    assert ids(transport) == ["e-1"]


async def test_what_is_left_is_published_by_the_next_on_the_file_as_it_was_accepted(
    tmp_path: Path,
) -> None:
    down, transport = MemoryTransport(), MemoryTransport()
    down.down = True
    async with publisher_on(tmp_path / "o.db", down, now=lambda: 1_600_000_000.0) as publisher:
        for done in range(3):
            await publisher.shoot_progress(
                user_id="ada",
                shoot_id="s",
                status="processing",
                processed_count=done,
                total_count=3,
                provider="Test",
                idempotency_key=f"e-{done}",
            )
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await publisher.flush(5)

    assert ids(transport) == ["e-0", "e-1", "e-2"]
    first = transport.messages[0]
    assert json.loads(first.body)["timestamp"] == 1_600_000_000_000
    assert first.headers == {
        topology.HEADER_ADDRESS: "user:ada",
        topology.HEADER_CONTRACT: "latest",
        topology.HEADER_KEY: "shoot:s",
        topology.HEADER_VERSION: 1_600_000_000_000_000,
        topology.HEADER_FINAL: False,
    }
    assert first.routing_key == f"{shard_of('user:ada', 16):02d}.user.ada.shoot_progress"


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


async def test_a_prompt_change_is_accepted_for_all_its_users_or_for_none(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport, max_rows=3) as publisher:
        with pytest.raises(OutboxFull):
            await publisher.prompt_change(prompt_id="p", action="voted", user_ids=list("abcd"))
        assert publisher.pending == 0
        await publisher.prompt_change(prompt_id="p", action="voted", user_ids=list("abc"))
        assert publisher.pending == 3


@pytest.mark.parametrize(("max_rows", "max_bytes"), [(2, 10**6), (1000, 1100)])
async def test_a_full_outbox_refuses_and_takes_more_once_drained(
    tmp_path: Path, max_rows: int, max_bytes: int
) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(
        tmp_path / "o.db", transport, max_rows=max_rows, max_bytes=max_bytes
    ) as publisher:
        await credits_of(publisher, ["e-1", "e-2"])
        with pytest.raises(OutboxFull, match="not accepted: look at RabbitMQ"):
            await credit(publisher, "e-3")
        transport.down = False
        await publisher.flush(5)
        await credit(publisher, "e-4")
        await publisher.flush(5)

    assert ids(transport) == ["e-1", "e-2", "e-4"]


async def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    accepted = []
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        assert publisher._store is not None
        await publisher._store._writer.submit(
            lambda db: db.execute("PRAGMA max_page_count = 20").fetchall()
        )
        with pytest.raises(OutboxFull, match=r"disk of the outbox .* is full"):
            for number in range(1000):
                await credit(publisher, f"e-{number}")
                accepted.append(f"e-{number}")
        assert publisher.pending == len(accepted) > 10
        transport.down = False
        await publisher.flush(5)
        await credit(publisher, "later")
        await publisher.flush(5)

    assert ids(transport) == [*accepted, "later"]


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
        async with asyncio.timeout(5):
            while len(transport.messages) < 2:
                await asyncio.sleep(0)
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
        async with asyncio.timeout(5):
            while transport.check_failures:
                await asyncio.sleep(0)
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


async def test_flush_gives_up_in_time_and_does_not_wait_for_later_events(tmp_path: Path) -> None:
    transport = ScriptedTransport()
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credit(publisher, "e-1")
        with pytest.raises(PublishTimeout, match="1 events are still in the outbox"):
            await publisher.flush(0.05)
        async with asyncio.TaskGroup() as tasks:
            flushing = tasks.create_task(publisher.flush(5), name="flush")
            _, end = await transport.next()
            for _ in range(3):  # until it has looked what it waits for
                await asyncio.sleep(0)
            await credit(publisher, "e-2")
            end.set_result(None)
            await flushing
        assert publisher.pending == 1


async def test_status_tells_the_age_of_the_oldest_and_what_is_wrong(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    time = 1000.0
    async with publisher_on(tmp_path / "o.db", transport, now=lambda: time) as publisher:
        assert (await publisher.status()).oldest_seconds == 0
        await credit(publisher, "e-1")
        time = 1060.0
        await credit(publisher, "e-2")
        status = await publisher.status()

    assert (status.pending, status.oldest_seconds) == (2, 60)
    assert status.size > 600
    assert "down" in status.problem


async def test_status_tells_that_rabbitmq_takes_nothing(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.short = True
    transport.hold.clear()
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credit(publisher, "e-1")
        assert "memory or disk is short" in (await publisher.status()).problem
        with pytest.raises(PublishTimeout, match="memory or disk is short"):
            await publisher.flush(0.05)
        transport.short = False
        transport.hold.set()
        await publisher.flush(5)
        assert (await publisher.status()).problem == ""


async def test_a_long_alarm_is_waited_out_in_order_and_not_told_for_each_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox_relay, "CONFIRM_TIMEOUT", 0.02)
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


async def test_closing_tells_how_much_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    transport = MemoryTransport()
    transport.down = True
    with caplog.at_level(logging.WARNING):
        async with publisher_on(tmp_path / "o.db", transport) as publisher:
            await credits_of(publisher, ["e-1", "e-2"])

    assert f"2 events stay in the outbox {tmp_path / 'o.db'}" in caplog.text
    with pytest.raises(PublisherClosed):
        await credit(publisher, "e-3")
    with pytest.raises(PublisherClosed):
        _ = publisher.pending


async def test_a_file_has_one_publisher(tmp_path: Path) -> None:
    first = publisher_on(tmp_path / "o.db", MemoryTransport())
    second = publisher_on(tmp_path / "o.db", MemoryTransport())
    async with first:
        with pytest.raises(OutboxLocked, match="a file of its own"):
            await second.__aenter__()
    async with second:
        pass


async def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "o.db") as db:
        db.execute("CREATE TABLE bookings (id)")
    db.close()
    (tmp_path / "text").write_text("no database, but long enough to be looked at" * 50)
    for name, why in (("o.db", "is no outbox"), ("text", "not a database")):
        with pytest.raises(OutboxError, match=why):
            await publisher_on(tmp_path / name, MemoryTransport()).__aenter__()


async def test_concurrent_calls_share_commits(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        assert publisher._store is not None
        before = publisher._store._writer.commits
        await credits_of(publisher, [f"e-{n}" for n in range(200)])
        assert publisher._store._writer.commits - before < 50


async def test_a_cancelled_call_counts_if_it_was_accepted(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        call = asyncio.create_task(credit(publisher, "e-1"), name="credit")
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait({call})
        await credit(publisher, "e-2")
        assert publisher.pending == 2
        transport.down = False
        await publisher.flush(5)

    assert ids(transport) == ["e-1", "e-2"]


def test_without_asyncio_it_is_the_same(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    with SyncOutboxPublisher(publisher_on(tmp_path / "o.db", transport)) as publisher:
        publisher.credit_update(
            user_id="ada", new_balance=1, change=1, reason="Test", idempotency_key="e-1"
        )
        assert publisher.pending == publisher.status().pending == 1
        transport.down = False
        publisher.flush(5)
        assert publisher.retry_refused() == 0

    assert ids(transport) == ["e-1"]


def test_connect_returns_a_publisher_with_an_outbox(tmp_path: Path) -> None:
    url = "amqp://guest:guest@127.0.0.1:1/"
    assert isinstance(connect(url, outbox=tmp_path / "o.db"), OutboxPublisher)
    with connect_sync(url, outbox=Outbox(path=tmp_path / "o.db", close_timeout=0)) as publisher:
        publisher.credit_update(user_id="ada", new_balance=1, change=1, reason="Test")
        assert publisher.pending == 1


@pytest.mark.parametrize("limit", ["max_rows", "max_bytes"])
def test_an_outbox_that_could_hold_nothing_is_refused_by_the_name_of_its_limit(limit: str) -> None:
    with pytest.raises(ValueError, match=limit):
        Outbox(path=Path("outbox.db"), **{limit: 0})


async def test_an_outbox_is_named_by_a_path_or_a_text(tmp_path: Path) -> None:
    async with connect("amqp://127.0.0.1:1/", outbox=str(tmp_path / "outbox.db")) as publisher:
        assert (await publisher.status()).pending == 0
