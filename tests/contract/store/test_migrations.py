"""The tables of older versions are brought up to date, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from kull_router.errors import ConfigError, NewerSchema, ShardCountMismatch, StoreUnavailable
from kull_router.queues.port import Duplicate, KnownDevice, Retention, Stale, Stored
from kull_router.queues.sql import postgres_connection, schema
from kull_router.queues.sql.db import DatabaseError
from kull_router.queues.sql.migrations import MIGRATIONS, Migration
from tests.contract.store.migrating_router import LATER
from tests.support.store_tables import PostgresTables, SqliteTables, Tables
from tests.support.stores import ALICE, NOW, SHARD, credit, opened, tick

ROOT = Path(__file__).parents[3]
NEWEST = MIGRATIONS[-1].number


def prepare(tables: Tables, migrations: tuple[Migration, ...] = LATER) -> schema.Identity:
    with tables.location.connected() as db:
        return schema.prepare(db, 16, migrations)


def applied(tables: Tables) -> list[int]:
    return [number for (number,) in tables.query("SELECT number FROM store_migrations ORDER BY 1")]


def meta(tables: Tables) -> dict[str, str]:
    return {name: str(value) for name, value in tables.query("SELECT name, value FROM meta")}


class TestUpgrade:
    @pytest.mark.parametrize("missing", ["", "DROP TABLE revocations"])
    async def test_a_store_of_the_first_schema_keeps_all_that_it_holds(
        self, first: Tables, missing: str
    ) -> None:
        first.run(missing)
        epoch = meta(first)["epoch"]
        async with opened(first.disk, Retention(latest_entries=2)) as store:
            assert store.epoch == epoch
            assert [(q.address, q.head, q.floor, q.entries) for q in await store.queues()] == [
                ("all", 1, 0, 1),
                ("room:x", 1, 0, 1),
                (ALICE, 5, 0, 4),
                ("user:bob", 3, 1, 2),
            ]
            page = await store.read(ALICE, after=0, limit=99, max_bytes=10**6)
            assert [(entry.seq, entry.event) for entry in page.entries] == [
                (1, credit("c-1", body='{"id":"c-1","text":"Grüße; it\'s 100% ?"}'.encode())),
                (3, tick("t-2", "shoot:1", 2, run="")),
                (4, tick("t-3", "shoot:2", 7, run="", final=True)),
                (5, credit("c-2")),
            ]
            devices = await store.devices("alice")
            assert [(each.info.device, each.cursor) for each in devices] == [
                ("phone", 3),
                ("web-1", 0),
            ]
            assert isinstance(devices[0], KnownDevice) and devices[0].info.name == "Alice's phone"
            kept = [each.token_id for each in await store.revocations(0, 100)]
            assert kept == ([] if missing else ["", "t-9"])

            assert await store.claim(SHARD, "router-3") == 3
            assert await store.append(
                SHARD, 3, [credit("c-1"), tick("b", version=2), credit("c-3")], NOW
            ) == [Duplicate(), Stored(6, replaced=3), Stored(7)], "its version was a time"
            assert await store.append(SHARD, 3, [tick("a", version=1)], NOW) == [Stale()]
            gone = tick("new", "shoot:0", 4, address="user:bob")
            assert await store.append(SHARD, 3, [gone], NOW) == [Stored(4)], "its entry is gone"

    async def test_an_id_that_the_version_before_remembers_counts_for_all_types_and_services(
        self, first: Tables
    ) -> None:
        async with opened(first.disk) as store:
            term = await store.claim(SHARD, "router-3")
            repeats = [credit("c-1"), credit("c-1", service="billing"), tick("c-1")]
            assert await store.append(SHARD, term, repeats, NOW) == [Duplicate()] * 3

    async def test_a_router_of_the_version_before_goes_on_remembering_ids_for_the_new_one(
        self, first: Tables
    ) -> None:
        async with opened(first.disk):
            pass
        ((queue,),) = first.query("SELECT id FROM queues WHERE address = 'user:alice'")
        first.run(f"INSERT INTO seen (id, queue_id, seen_ms) VALUES ('old', {queue}, {NOW})")
        async with opened(first.disk) as store:
            term = await store.claim(SHARD, "router-3")
            outcomes = await store.append(SHARD, term, [credit("old", service="billing")], NOW)
            assert outcomes == [Duplicate()]

    async def test_its_tables_are_those_of_a_new_store(
        self, first: Tables, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        async with opened(first.disk):
            pass
        migrated = first.described()
        new = _another(first, tmp_path)
        async with opened(new.disk):
            pass
        assert new.described() == migrated
        assert applied(first) == applied(new) == list(range(1, NEWEST + 1))

    async def test_versions_without_migrations_do_not_take_it_for_theirs(
        self, first: Tables
    ) -> None:
        assert meta(first)["schema"] == "1", "the number that they know"
        async with opened(first.disk):
            pass
        assert meta(first)["schema"] == "2"

    async def test_starting_again_changes_nothing(self, first: Tables) -> None:
        async with opened(first.disk):
            pass
        before = first.described(), meta(first), applied(first)
        async with opened(first.disk):
            pass
        assert before == (first.described(), meta(first), applied(first))

    @pytest.mark.parametrize("start", ["empty", "first"])
    def test_each_later_version_finds_the_rows_of_the_one_before(
        self, tables: Tables, start: str
    ) -> None:
        if start == "first":
            tables.make_first_schema()
        else:
            tables.run("CREATE TABLE brief (a INTEGER); DROP TABLE brief")
        for upto in range(NEWEST, len(LATER) + 1):
            prepare(tables, LATER[:upto])
        assert applied(tables) == list(range(1, len(LATER) + 1))
        rows = [("alice", 0)] if start == "first" else []
        assert tables.query("SELECT user_id, count FROM badges") == rows
        labels = {label for (label,) in tables.query("SELECT label FROM devices")}
        assert labels == ({"none"} if start == "first" else set())


def _another(tables: Tables, tmp_path: Path) -> Tables:
    """An empty database of the same kind. In PostgreSQL the one that is there is emptied."""
    if isinstance(tables, SqliteTables):
        return SqliteTables(tmp_path / "another")
    tables.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return tables


class TestRefusals:
    async def test_a_newer_schema_stops_the_router_with_what_to_do(self, tables: Tables) -> None:
        async with opened(tables.disk):
            pass
        prepare(tables)
        before = tables.described(), meta(tables)
        with pytest.raises(NewerSchema) as caught:
            async with opened(tables.disk):
                pass
        assert str(caught.value) == (
            f"the store has schema {len(LATER)} ({len(LATER):04}_badges), which this version of "
            f"Kull Sync does not know (it knows up to {NEWEST}): run the version that made it or a "
            "newer one; to go back, restore a backup from before the upgrade"
        )
        assert before == (tables.described(), meta(tables))

    def test_another_migration_of_the_same_number_is_not_taken_for_ours(
        self, first: Tables
    ) -> None:
        prepare(first, (*MIGRATIONS, Migration(NEWEST + 1, "theirs", "SELECT 1;")))
        with pytest.raises(NewerSchema, match=f"{NEWEST + 1:04}_theirs"):
            prepare(first, (*MIGRATIONS, Migration(NEWEST + 1, "ours", "SELECT 1;")))

    async def test_a_wrong_shard_count_is_told_before_anything_changes(self, first: Tables) -> None:
        before = first.described()
        with pytest.raises(ShardCountMismatch):
            async with opened(first.disk, shard_count=8):
                pass
        assert first.described() == before

    @pytest.mark.parametrize(
        "foreign",
        ["CREATE TABLE meta (a INTEGER)", "CREATE TABLE meta (name TEXT, value TEXT)"],
    )
    async def test_tables_of_something_else_are_left_alone(
        self, tables: Tables, foreign: str
    ) -> None:
        tables.run(foreign)
        before = tables.described()
        with pytest.raises(ConfigError, match="something else"):
            async with opened(tables.disk):
                pass
        assert tables.described() == before

    def test_a_migration_that_fails_leaves_nothing_of_itself(self, first: Tables) -> None:
        broken = Migration(NEWEST + 1, "broken", "CREATE TABLE half (a INTEGER); nonsense;")
        prepare(first, MIGRATIONS)
        before = first.described()
        with pytest.raises(StoreUnavailable, match="nonsense") as caught:
            prepare(first, (*MIGRATIONS, broken))
        assert isinstance(caught.value.__cause__, DatabaseError)
        assert first.described() == before
        assert applied(first) == list(range(1, NEWEST + 1))


class TestKilled:
    @pytest.mark.parametrize(
        ("start", "last", "done"),
        [
            ("empty", "CREATE TABLE store_migrations", 0),
            ("empty", "CREATE INDEX seen_age", 0),
            ("empty", "UPDATE meta SET value = 2", 1),
            ("empty", "ALTER TABLE devices", NEWEST),
            ("empty", "INSERT INTO badges", NEWEST + 1),
            ("first", "CREATE TABLE store_migrations", 0),
            ("first", "UPDATE meta SET value = 2", 0),
            ("first", "ALTER TABLE devices", NEWEST),
            ("first", "INSERT INTO badges", NEWEST + 1),
        ],
    )
    def test_the_next_start_finishes_what_a_killed_one_began(
        self, tables: Tables, start: str, last: str, done: int
    ) -> None:
        if start == "first":
            tables.make_first_schema()
        where = str(tables.location)
        if isinstance(tables, PostgresTables):
            where = tables.url
        killed = subprocess.run(
            [sys.executable, "-m", "tests.contract.store.migrating_router", where, last],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert killed.returncode == -9, killed.stderr.decode()
        noted = "store_migrations" in str(tables.described()["columns"])
        assert (applied(tables) if noted else []) == list(range(1, done + 1))
        epoch = meta(tables).get("epoch") if start == "first" else None

        identity = prepare(tables)

        assert applied(tables) == list(range(1, len(LATER) + 1))
        assert epoch in {None, identity.epoch}
        assert meta(tables)["shard_count"] == "16"
        assert tables.query("SELECT count(*) FROM badges") == [(int(start == "first"),)]


class TestAtOnce:
    @pytest.mark.parametrize("start", ["empty", "first"])
    def test_routers_that_start_at_once_migrate_once_and_agree_on_the_epoch(
        self, tables: Tables, start: str
    ) -> None:
        if start == "first":
            tables.make_first_schema()
        else:
            tables.run("CREATE TABLE brief (a INTEGER); DROP TABLE brief")
        with ThreadPoolExecutor(4) as pool:
            identities = list(pool.map(lambda _: prepare(tables), range(4)))
        assert len(set(identities)) == 1
        assert applied(tables) == list(range(1, len(LATER) + 1))

    @pytest.mark.postgres
    async def test_a_router_of_the_version_before_goes_on_meanwhile(
        self, database_url: str
    ) -> None:
        tables = PostgresTables(database_url)
        async with opened(tables.disk) as old:
            await old.claim(SHARD, "old")
            await old.append(SHARD, 1, [credit("a")], NOW)
            await asyncio.to_thread(prepare, tables)
            assert await old.append(SHARD, 1, [credit("b")], NOW) == [Stored(2)]


class TestPatience:
    @pytest.mark.postgres
    def test_a_migration_may_take_longer_than_any_other_statement(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tables = PostgresTables(database_url)
        monkeypatch.setattr(postgres_connection, "_SILENCE", 0.3)
        monkeypatch.setattr(
            postgres_connection, "_OPTIONS", "-c statement_timeout=300ms -c lock_timeout=300ms"
        )
        slow = (*MIGRATIONS, Migration(NEWEST + 1, "slow", "SELECT pg_sleep(1);"))
        with ThreadPoolExecutor(2) as pool:
            identities = list(pool.map(lambda _: prepare(tables, slow), range(2)))
        assert len(set(identities)) == 1, "the second one waited for the first"

        with tables.location.connected() as db:
            db.begin_migration()
            db.commit()
            db.begin()
            with pytest.raises(DatabaseError):  # and afterwards all is as before
                db.execute("SELECT pg_sleep(1)")
            db.rollback()


class TestRights:
    @pytest.mark.postgres
    async def test_an_account_that_may_not_change_tables_can_run_a_router_on_them(
        self, database_url: str
    ) -> None:
        tables = PostgresTables(database_url)
        prepare(tables, MIGRATIONS)
        name = f"router_{database_url.rpartition('/')[2]}"
        with psycopg.connect(database_url, autocommit=True) as db:
            db.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'router'")
            db.execute(
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}"
            )
        try:
            restricted = PostgresTables(_as(database_url, name, "router"))
            async with opened(restricted.disk) as store:
                await store.claim(SHARD, "r")
                assert await store.append(SHARD, 1, [credit("a")], NOW) == [Stored(1)]
            with pytest.raises(StoreUnavailable, match=r"permission denied|must be owner"):
                prepare(restricted)
        finally:
            with psycopg.connect(database_url, autocommit=True) as db:
                db.execute(f"DROP OWNED BY {name}")
                db.execute(f"DROP ROLE {name}")


def _as(url: str, user: str, password: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{user}:{password}@{rest.rpartition('@')[2]}"
