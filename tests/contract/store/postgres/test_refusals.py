"""What PostgreSQL refuses is told without a password."""

from __future__ import annotations

import traceback
from urllib.parse import urlsplit

import psycopg
import pytest

from kull_router.errors import ConfigError, StoreRefused, StoreUnavailable
from kull_router.queues import rules
from kull_router.queues.entry import Event
from kull_router.queues.port import Stored
from kull_router.queues.sql.postgres import PostgresStore
from tests.contract.store.postgres.stores import opened
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.stores import NOW, SHARD, credit, tick

pytestmark = pytest.mark.postgres


class TestRefusals:
    async def test_a_database_that_cannot_be_reached_is_told_without_the_password(self) -> None:
        port = free_port()
        url = f"postgresql://kull:very-secret@127.0.0.1:{port}/kull"
        with pytest.raises(StoreUnavailable, match=rf"127\.0\.0\.1:{port}/kull") as caught:
            await PostgresStore.open(url, shard_count=16)
        assert "very-secret" not in "".join(traceback.format_exception(caught.value))

    async def test_of_several_hosts_the_one_that_may_be_written_to_serves(
        self, private_postgres: Postgres, database_url: str
    ) -> None:
        """A server in read-only mode says what a standby says to `target_session_attrs`."""
        real, other = urlsplit(database_url), urlsplit(private_postgres.url)
        with psycopg.connect(private_postgres.url, autocommit=True) as db:
            db.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            db.execute("SELECT pg_reload_conf()")
            name = urlsplit(database_url).path.strip("/")
            db.execute("SET default_transaction_read_only = off")
            db.execute(f'CREATE DATABASE "{name}"')
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{other.port},127.0.0.1:{real.port}"
        account = f"{real.username}:{real.password}"
        url = f"postgresql://{account}@{hosts}{real.path}?target_session_attrs=read-write"
        async with opened(url) as store:
            assert await store.claim(SHARD, "r") == 1
        with psycopg.connect(database_url, autocommit=True) as db:
            assert db.execute("SELECT term FROM shards").fetchall() == [(1,)]

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


class TestRefusedEvents:
    @pytest.mark.parametrize(
        "bad",
        [
            tick("bad", version=True),
            tick("bad", version=2**63),
            tick("bad", key="a\0b"),
            credit("\ud800", body=b"{}"),
        ],
        ids=["a boolean", "too large", "NUL", "surrogate"],
    )
    async def test_values_that_a_check_of_ours_missed_are_no_outage(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch, bad: Event
    ) -> None:
        monkeypatch.setattr(rules, "check", lambda _events: None)
        async with opened(database_url) as store:
            await store.claim(SHARD, "router-1")
            for batch in ([bad], [tick("a", version=1), bad]):
                with pytest.raises(StoreRefused):
                    await store.append(SHARD, 1, batch, NOW)
            assert await store.append(SHARD, 1, [tick("a", version=1)], NOW) == [Stored(1)]

    @pytest.mark.parametrize(
        "damage",
        ["ALTER TABLE every RENAME TO gone", "ALTER TABLE every RENAME body TO gone"],
        ids=["table", "column"],
    )
    async def test_a_table_that_is_not_there_is_no_events_fault(
        self, database_url: str, damage: str
    ) -> None:
        async with opened(database_url) as store:
            await store.claim(SHARD, "router-1")
            with psycopg.connect(database_url, autocommit=True) as db:
                db.execute("DROP VIEW entries")
                db.execute(damage.encode())
            with pytest.raises(StoreUnavailable):
                await store.append(SHARD, 1, [credit("a")], NOW)
