"""`kull store`: an operator looks after the store of SQLite and of PostgreSQL alike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from kull_router.queues.port import Retention, Store
from kull_router.queues.sql import schema
from kull_router.queues.sql.migrations import MIGRATIONS
from tests.contract.store.migrating_router import LATER
from tests.support.command import Kull, Ran
from tests.support.store_tables import PostgresTables, SqliteTables, Tables

NEWEST = MIGRATIONS[-1].number


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Tables:
    if request.param == "postgres":
        return PostgresTables(request.getfixturevalue("database_url"))
    (tmp_path / "data").mkdir()
    return SqliteTables(tmp_path / "data")


@pytest.fixture
def store(tables: Tables, tmp_path: Path, kull: Kull, monkeypatch: pytest.MonkeyPatch) -> Kull:
    """Run `kull store …` with the settings of a router that has this store."""
    monkeypatch.setenv("KULL_DATA", str(tmp_path / "data"))
    if isinstance(tables, PostgresTables):
        monkeypatch.setenv("KULL_DATABASE_URL", tables.url)
    return partial(kull, "store")


@contextmanager
def running(tables: Tables) -> Iterator[Store]:
    """A router's store, open."""
    with asyncio.Runner() as loop:
        store = loop.run(tables.disk.open(Retention(), 16))
        try:
            yield store
        finally:
            loop.run(store.aclose())


def shown(ran: Ran) -> dict[str, str]:
    assert ran.code == 0, ran.err
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in ran.out.splitlines()}


def refusal(ran: Ran) -> str:
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.count("\n") == 1, "one line, no traceback"
    return ran.err


def test_migrate_makes_a_store_that_status_describes(store: Kull, tables: Tables) -> None:
    assert "there is no store" in refusal(store("status"))

    made = shown(store("migrate"))

    assert made["store"] == str(tables.location)
    assert made["schema"] == f"{NEWEST}, up to date"
    assert made["shards"] == "16"
    assert shown(store("status")) == made
    with running(tables) as opened:
        assert opened.epoch == made["epoch"]
        assert shown(store("status")) == made, "a router that runs is not in the way"


def test_a_password_is_not_shown(store: Kull, tables: Tables) -> None:
    ran = store("migrate")
    if isinstance(tables, PostgresTables):
        assert "kull:kull@" in tables.url
    assert "kull@" not in ran.out + ran.err


def test_an_older_store_says_what_is_to_come(store: Kull, tables: Tables) -> None:
    tables.make_first_schema()
    before = shown(store("status"))
    assert before["schema"] == f"1, to come: {', '.join(str(each) for each in MIGRATIONS[1:])}"
    assert shown(store("migrate")) == {**before, "schema": f"{NEWEST}, up to date"}


@pytest.mark.parametrize("command", ["status", "migrate"])
def test_a_newer_store_is_told_in_one_line(store: Kull, tables: Tables, command: str) -> None:
    shown(store("migrate"))
    with tables.location.connected() as db:
        schema.prepare(db, 16, LATER)
    assert f"the store has schema {len(LATER)}" in refusal(store(command))


def test_a_new_epoch_counts_from_the_next_start_on(store: Kull, tables: Tables) -> None:
    before = shown(store("migrate"))["epoch"]

    renewed = store("renew-epoch").out.strip()

    assert renewed not in {"", before}
    with running(tables) as again:
        assert again.epoch == renewed
    assert shown(store("status"))["epoch"] == renewed


@pytest.mark.parametrize("command", ["renew-epoch", "migrate"])
def test_what_needs_the_store_alone_is_refused_while_a_router_runs(
    store: Kull, tables: Tables, command: str
) -> None:
    with running(tables) as opened:
        if command == "migrate" and isinstance(tables, PostgresTables):
            assert shown(store(command))["epoch"] == opened.epoch, "routers of PostgreSQL may run"
            return
        told = refusal(store(command))
        assert "is in use by" in told
        assert "stop" in told
        assert shown(store("status"))["epoch"] == opened.epoch


def test_there_is_nothing_to_renew_without_a_store(store: Kull, tables: Tables) -> None:
    assert "there is no store" in refusal(store("renew-epoch"))
