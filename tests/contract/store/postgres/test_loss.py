"""A PostgreSQL that goes away, is silent, full or replaced loses nothing acknowledged."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from kull_router.errors import StoreReplaced, StoreUnavailable
from kull_router.queues.port import Outcome, Retention, Stored
from kull_router.queues.sql import postgres_connection
from kull_router.queues.sql.postgres import PostgresStore
from tests.contract.store.postgres.stores import held, opened, seqs_and_ids
from tests.support.postgres import Postgres, fresh_database
from tests.support.stores import ALICE, NOW, SHARD, credit, tick
from tests.support.until import until

pytestmark = pytest.mark.postgres


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
                await until(lambda: len(acknowledged) >= 100, seconds=30)
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


# What PostgreSQL says when a table cannot grow, without the disk of this machine being filled.
_FILL = (
    """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END $$""",
    """CREATE TRIGGER full_disk BEFORE INSERT ON every
      FOR EACH ROW EXECUTE FUNCTION full_disk()""",
)


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
