"""What only a database that several routers share can show."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from kull_router.errors import ConfigError, Fenced, StoreReplaced, StoreUnavailable
from kull_router.queues import rules
from kull_router.queues.port import DeviceInfo, Outcome, Retention, Stale, Stored
from kull_router.queues.sql import postgres_connection, rows
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.postgres import PostgresStore
from tests.support.holding import holding
from tests.support.ports import free_port
from tests.support.postgres import Postgres, fresh_database
from tests.support.processes import Processes
from tests.support.stores import ALICE, NOW, SHARD, credit, tick

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).parents[2]
AGES = 10**11  # ms, by which everything is too old


@asynccontextmanager
async def opened(url: str, retention: Retention | None = None) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(url, shard_count=16, retention=retention)
    try:
        yield store
    finally:
        await store.aclose()


@asynccontextmanager
async def held(store: PostgresStore, *events: str, term: int = 1) -> AsyncIterator[None]:
    """Keep the store's writer within a transaction that has appended these ticks."""

    def append(db: Db) -> None:
        ticks = [tick(event, version=9) for event in events]
        request = rows.Append(shard=SHARD, term=term, events=ticks, now_ms=NOW + AGES)
        (outcome,) = rows.append(db, [request], retention=Retention())
        if isinstance(outcome, Fenced):
            raise outcome

    async with holding(store._writer, append if events else lambda _db: None):
        yield


@asynccontextmanager
async def process(module: str, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A router in a process of its own."""
    async with Processes() as processes:
        yield await processes.start_async(
            sys.executable,
            *("-m", f"tests.contract.{module}", url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        )


async def claim(store: PostgresStore) -> int:
    """Claim as a shard does: again and again until the store answers."""
    while True:
        try:
            return await store.claim(SHARD, "new")
        except StoreUnavailable:
            await asyncio.sleep(0.01)


async def seqs_and_ids(store: PostgresStore) -> dict[int, str]:
    page = await store.read(ALICE, after=0, limit=10**6, max_bytes=10**9)
    return {entry.seq: entry.event.id for entry in page.entries}


class TestFencing:
    async def test_a_router_that_lost_its_shard_writes_nothing_more(
        self, database_url: str
    ) -> None:
        async with opened(database_url) as old, opened(database_url) as new:
            assert await old.claim(SHARD, "old") == 1
            assert await old.append(SHARD, 1, [credit("a")], NOW) == [Stored(1)]
            assert await new.claim(SHARD, "new") == 2
            with pytest.raises(Fenced):
                await old.append(SHARD, 1, [credit("b")], NOW)
            with pytest.raises(Fenced):
                phone = DeviceInfo(user="alice", device="phone")
                await old.attach(SHARD, 1, ALICE, phone, None, NOW)
            assert await new.append(SHARD, 2, [credit("b")], NOW) == [Stored(2)]

    async def test_a_claim_waits_for_what_the_old_owner_is_committing(
        self, database_url: str
    ) -> None:
        async with opened(database_url) as old, opened(database_url) as new:
            await old.claim(SHARD, "old")
            async with held(old, "a"):
                claiming = asyncio.create_task(new.claim(SHARD, "new"))
                done, _ = await asyncio.wait({claiming}, timeout=0.3)
                assert not done
            assert await claiming == 2
            assert await new.append(SHARD, 2, [credit("b")], NOW) == [Stored(2)]

    async def test_a_router_stopped_within_a_transaction_keeps_a_shard_for_seconds_only(
        self, database_url: str
    ) -> None:
        async with opened(database_url) as new:
            await new.claim(SHARD, "old")
            async with process("stopped_router", database_url) as child, asyncio.timeout(40):
                assert child.stdout
                assert await child.stdout.readline() == b"within\n"
                child.send_signal(signal.SIGSTOP)

                assert await new.claim(SHARD, "new") == 2, "at the first try"
                assert await new.append(SHARD, 2, [credit("b")], NOW) == [Stored(1)]

                child.send_signal(signal.SIGCONT)
                said, _ = await child.communicate(b"go on\n")
                assert said.splitlines()[-1] == b"nothing was stored"
            assert await seqs_and_ids(new) == {1: "b"}

    @pytest.mark.parametrize("after", [20, 100])
    async def test_a_router_stopped_at_any_moment_can_be_replaced_and_is_fenced_afterwards(
        self, database_url: str, after: int
    ) -> None:
        async with opened(database_url) as new, asyncio.timeout(50):
            async with process("appending_router", database_url) as child:
                assert child.stdout
                said = [await child.stdout.readline() for _ in range(after)]
                child.send_signal(signal.SIGSTOP)
                term = await claim(new)
                (mine,) = await new.append(SHARD, term, [credit("mine")], NOW)
                child.send_signal(signal.SIGCONT)
                rest, _ = await child.communicate()
            *acknowledged, last = [line.decode() for line in (*said, *rest.splitlines())]
            assert last == "fenced"
            stored = await seqs_and_ids(new)
            assert isinstance(mine, Stored)
            assert list(stored) == list(range(1, mine.seq + 1)), "nothing came after it"
            for line in acknowledged:
                seq, _, event_id = line.strip().partition(":")
                assert stored[int(seq)] == event_id


class TestRoutersAtOnce:
    async def test_those_that_start_at_once_agree_on_the_tables_and_the_epoch(
        self, database_url: str
    ) -> None:
        starting = (PostgresStore.open(database_url, shard_count=16) for _ in range(4))
        stores = await asyncio.gather(*starting)
        for store in stores:
            await store.aclose()
        assert len({store.epoch for store in stores}) == 1

    async def test_retention_at_one_does_not_undo_what_another_appends(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with opened(database_url) as owner, opened(database_url) as other:
            await owner.claim(SHARD, "owner")
            await owner.append(SHARD, 1, [credit("old")], NOW)
            seen, go_on = threading.Event(), threading.Event()
            without = rules.without

            def slowly(figures: rules.Figures, removed: Sequence[rules.Kept]) -> rules.Figures:
                seen.set()
                assert go_on.wait(20)
                return without(figures, removed)

            monkeypatch.setattr(rules, "without", slowly)
            trimming = asyncio.create_task(other.trim(NOW + AGES))
            assert await asyncio.to_thread(seen.wait, 20)
            appending = asyncio.create_task(
                owner.append(SHARD, 1, [credit("new", at=NOW + AGES)], NOW)
            )
            await asyncio.wait({appending}, timeout=0.3)
            go_on.set()
            await trimming
            assert await appending == [Stored(2)]
            info = await owner.queue(ALICE)
            assert info and (info.head, info.floor, info.entries) == (2, 1, 1)

    async def test_retention_neither_waits_for_what_is_in_use_nor_removes_it(
        self, database_url: str
    ) -> None:
        async with opened(database_url) as owner, opened(database_url) as other:
            await owner.claim(SHARD, "owner")
            await owner.append(SHARD, 1, [tick("a", version=1)], NOW)
            await owner.trim(NOW + 7 * 86_400_000 + 1)  # its version stays
            async with held(owner, "b"), asyncio.timeout(5):
                assert await other.trim(NOW + AGES) == 0
            assert await seqs_and_ids(owner) == {2: "b"}
            late = [tick("c", version=8)]
            assert await owner.append(SHARD, 1, late, NOW) == [Stale()]

    async def test_the_same_devices_may_attach_at_two_of_them_in_any_order(
        self, database_url: str
    ) -> None:
        async with opened(database_url) as one, opened(database_url) as other:
            devices = [DeviceInfo(user=f"u{n}", device="d") for n in range(50)]
            attaching: list[asyncio.Task[object]] = []
            async with held(one, term=0), held(other, term=0):
                for shard, store, order in ((1, one, 1), (2, other, -1)):
                    attaching.append(asyncio.create_task(store.claim(shard, "r")))
                    await asyncio.sleep(0)
                    attaching += [
                        asyncio.create_task(
                            store.attach(shard, 1, f"room:{shard}", device, None, NOW)
                        )
                        for device in devices[::order]
                    ]
                await asyncio.sleep(0)
                commits = one.commits, other.commits
            await asyncio.gather(*attaching)
            assert (one.commits, other.commits) == tuple(count + 2 for count in commits), (
                "after the one that held them up each needed one transaction: none was a deadlock"
            )


class TestLoss:
    @pytest.mark.parametrize("how", ["stop", "kill"])
    async def test_a_restart_of_the_database_loses_nothing_acknowledged(
        self, private_postgres: Postgres, how: str
    ) -> None:
        acknowledged: dict[str, Outcome] = {}
        restarted = asyncio.Event()

        async def feed(store: PostgresStore, name: int) -> None:
            number = 0
            while number < 50 or not restarted.is_set():
                event = credit(f"{name}-{number}")
                try:
                    (outcome,) = await store.append(SHARD, 1, [event], NOW)
                except StoreUnavailable:
                    await asyncio.sleep(0.01)
                    continue
                acknowledged[event.id] = outcome
                number += 1

        async with opened(private_postgres.url, Retention(every_entries=10**6)) as store:
            await store.claim(SHARD, "r")
            async with asyncio.timeout(50), asyncio.TaskGroup() as tasks:
                for name in range(8):
                    tasks.create_task(feed(store, name))
                while len(acknowledged) < 100:
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(_restart, private_postgres, how)
                restarted.set()
            stored = await seqs_and_ids(store)

        assert set(acknowledged) <= set(stored.values())
        assert list(stored) == list(range(1, len(stored) + 1))
        for event_id, outcome in acknowledged.items():
            assert not isinstance(outcome, Stored) or stored[outcome.seq] == event_id

    async def test_a_silent_database_is_given_up_and_taken_up_again(
        self, private_postgres: Postgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgres_connection, "_SILENCE", 1.0)
        monkeypatch.setattr(postgres_connection, "_PATIENCE", 2)
        async with opened(private_postgres.url) as store, asyncio.timeout(40):
            await store.claim(SHARD, "r")
            await asyncio.to_thread(private_postgres.freeze)
            for _ in range(2):  # on the old connection, and when connecting
                with pytest.raises(StoreUnavailable):
                    await store.append(SHARD, 1, [credit("a")], NOW)
                with pytest.raises(StoreUnavailable):
                    await store.queue(ALICE)
            await asyncio.to_thread(private_postgres.thaw)
            assert await store.append(SHARD, 1, [credit("b")], NOW) == [Stored(1)]
            assert await store.queue(ALICE)

    async def test_a_call_that_cannot_work_leaves_the_others_of_its_group_alone(
        self, database_url: str
    ) -> None:
        async with opened(database_url) as store:
            await store.claim(SHARD, "r")
            async with held(store):
                bad = asyncio.create_task(
                    store._writer.run(lambda db: db.execute("INSERT INTO nowhere VALUES (1)"))
                )
                await asyncio.sleep(0)
                good = asyncio.create_task(store.append(SHARD, 1, [credit("a")], NOW))
                await asyncio.sleep(0)
            with pytest.raises(StoreUnavailable, match="nowhere"):
                await bad
            assert await good == [Stored(1)]


class TestFullDisk:
    async def test_nothing_changes_and_it_works_again_afterwards(self, database_url: str) -> None:
        events = [tick("t"), credit("a"), credit("b")]
        async with (
            opened(database_url) as store,
            await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin,
        ):
            await store.claim(SHARD, "r")
            await store.append(SHARD, 1, [credit("before")], NOW)
            for statement in _FILL:
                await admin.execute(statement)
            with pytest.raises(StoreUnavailable, match="No space left on device"):
                await store.append(SHARD, 1, events, NOW)
            assert await seqs_and_ids(store) == {1: "before"}
            await admin.execute("DROP TRIGGER full_disk ON every")
            assert await store.append(SHARD, 1, events, NOW) == [Stored(2), Stored(3), Stored(4)]


# What PostgreSQL says when a table cannot grow, without the disk of this machine being filled.
_FILL = (
    """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END $$""",
    """CREATE TRIGGER full_disk BEFORE INSERT ON every
      FOR EACH ROW EXECUTE FUNCTION full_disk()""",
)


def _restart(server: Postgres, how: str) -> None:
    server.kill() if how == "kill" else server.stop()
    server.start()


class TestEpoch:
    async def test_it_outlives_a_restart_of_the_database(self, private_postgres: Postgres) -> None:
        async with opened(private_postgres.url) as store:
            before = store.epoch
        await asyncio.to_thread(_restart, private_postgres, "kill")
        async with opened(private_postgres.url) as store:
            assert store.epoch == before

    async def test_a_standby_that_takes_over_has_another_one(
        self, private_postgres: Postgres
    ) -> None:
        async with opened(private_postgres.url) as store, asyncio.timeout(50):
            before = store.epoch
            await store.claim(SHARD, "r")
            await asyncio.to_thread(private_postgres.promote)
            with pytest.raises(StoreReplaced, match="start again"):
                while True:  # it first has to notice that its connection is gone
                    try:
                        await store.append(SHARD, 1, [credit("a")], NOW)
                    except StoreUnavailable:
                        await asyncio.sleep(0.01)
            with pytest.raises(StoreReplaced):
                await store.queue(ALICE)
            again = await asyncio.gather(
                *(PostgresStore.open(private_postgres.url, shard_count=16) for _ in range(2))
            )
            for each in again:
                await each.aclose()
        first, second = (each.epoch for each in again)
        assert first == second != before

    async def test_a_dump_that_is_read_back_has_another_one(
        self, private_postgres: Postgres
    ) -> None:
        with (
            fresh_database(private_postgres.url) as url,
            fresh_database(private_postgres.url) as copy,
        ):
            async with opened(url) as store:
                await store.claim(SHARD, "r")
                await store.append(SHARD, 1, [credit("a")], NOW)
                before = store.epoch
            await asyncio.to_thread(private_postgres.copy, url, copy)
            async with opened(copy) as store:
                assert store.epoch != before
                assert await seqs_and_ids(store) == {1: "a"}

    async def test_reading_the_history_needs_no_special_rights(
        self, private_postgres: Postgres
    ) -> None:
        with psycopg.connect(private_postgres.url, autocommit=True) as db:
            db.execute("CREATE ROLE ordinary LOGIN PASSWORD 'ordinary'")
            db.execute("CREATE DATABASE theirs OWNER ordinary")
        url = private_postgres.url.replace("kull:kull", "ordinary:ordinary")
        async with opened(f"{url.rpartition('/')[0]}/theirs") as store:
            assert await store.claim(SHARD, "r") == 1


class TestRefusals:
    async def test_a_database_that_cannot_be_reached_is_told_without_the_password(self) -> None:
        port = free_port()
        url = f"postgresql://kull:very-secret@127.0.0.1:{port}/kull"
        with pytest.raises(StoreUnavailable, match=rf"127\.0\.0\.1:{port}/kull") as caught:
            await PostgresStore.open(url, shard_count=16)
        assert "very-secret" not in "".join(traceback.format_exception(caught.value))

    async def test_a_wrong_password_is_told_without_the_password(
        self, private_postgres: Postgres
    ) -> None:
        url = private_postgres.url.replace("kull:kull", "kull:very-secret")
        with pytest.raises(StoreUnavailable, match="password authentication failed") as caught:
            await PostgresStore.open(url, shard_count=16)
        assert "very-secret" not in "".join(traceback.format_exception(caught.value))

    async def test_what_is_no_url_is_told_without_repeating_it(self) -> None:
        url = "postgresql//kull:very-secret@host"
        with pytest.raises(ConfigError, match="KULL_DATABASE_URL") as caught:
            await PostgresStore.open(url, shard_count=16)
        assert "very-secret" not in "".join(traceback.format_exception(caught.value))

    async def test_tables_of_another_version_are_refused(self, database_url: str) -> None:
        async with opened(database_url):
            pass
        with psycopg.connect(database_url, autocommit=True) as db:
            db.execute("INSERT INTO store_migrations VALUES (99, 'far_ahead')")
        with pytest.raises(ConfigError, match="schema 99"):
            await PostgresStore.open(database_url, shard_count=16)

    async def test_options_of_the_url_count_as_well(self, database_url: str) -> None:
        with psycopg.connect(database_url, autocommit=True) as db:
            db.execute("CREATE SCHEMA theirs")
        async with opened(f"{database_url}?options=-csearch_path%3Dtheirs") as store:
            assert await store.claim(SHARD, "r") == 1
        with psycopg.connect(database_url, autocommit=True) as db:
            assert db.execute("SELECT term FROM theirs.shards").fetchall() == [(1,)]
