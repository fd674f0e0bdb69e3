"""A SQLite file belongs to one router, and is refused when it is something else."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from kull_router.errors import (
    ConfigError,
    ShardCountMismatch,
    StoreLocked,
    StoreUnavailable,
)
from kull_router.queues.sql import schema
from kull_router.queues.sql.sqlite import SqliteLocation, SqliteStore
from tests.support.stores import NOW, SHARD, credit


def renew_epoch(path: Path) -> str:
    with SqliteLocation(path).connected(alone=True) as db:
        return schema.renew_epoch(db)


class TestOpening:
    async def test_a_second_store_on_the_file_is_refused(
        self, store: SqliteStore, path: Path
    ) -> None:
        with pytest.raises(StoreLocked, match=rf"process {os.getpid()}\)") as caught:
            await SqliteStore.open(path, shard_count=16)
        assert "KULL_DATA" in str(caught.value)
        await store.aclose()
        await (await SqliteStore.open(path, shard_count=16)).aclose()

    async def test_nobody_but_its_owner_may_read_the_file_and_those_beside_it(
        self, path: Path
    ) -> None:
        path.unlink(missing_ok=True)
        old = os.umask(0)
        try:
            store = await SqliteStore.open(path, shard_count=16)
        finally:
            os.umask(old)
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
        await store.aclose()
        beside = ("", "-wal", "-shm", ".lock")
        assert modes == dict.fromkeys((f"{path.name}{suffix}" for suffix in beside), 0o600)

    async def test_a_file_keeps_the_mode_that_its_owner_has_set(self, path: Path) -> None:
        await (await SqliteStore.open(path, shard_count=16)).aclose()
        path.chmod(0o640)
        await (await SqliteStore.open(path, shard_count=16)).aclose()
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    async def test_a_failed_opening_leaves_the_file_free(self, path: Path) -> None:
        await (await SqliteStore.open(path, shard_count=16)).aclose()
        for _ in range(2):
            with pytest.raises(ShardCountMismatch):
                await SqliteStore.open(path, shard_count=8)
        await (await SqliteStore.open(path, shard_count=16)).aclose()

    async def test_a_file_of_something_else_is_refused(self, tmp_path: Path) -> None:
        text, other = tmp_path / "text.db", tmp_path / "other.db"
        text.write_text("not a database, but longer than a header of one hundred bytes " * 9)
        with pytest.raises(StoreUnavailable, match=r"text\.db cannot be opened: .*not a database"):
            await SqliteStore.open(text, shard_count=16)
        db = sqlite3.connect(other)
        db.execute("CREATE TABLE mine (a)")
        db.close()
        with pytest.raises(ConfigError, match="something else"):
            await SqliteStore.open(other, shard_count=16)

    async def test_a_newer_schema_is_refused(self, path: Path) -> None:
        await (await SqliteStore.open(path, shard_count=16)).aclose()
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("INSERT INTO store_migrations VALUES (99, 'far_ahead')")
        db.close()
        with pytest.raises(ConfigError, match="schema 99"):
            await SqliteStore.open(path, shard_count=16)

    async def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreUnavailable, match=r"file/kull\.db cannot be opened"):
            await SqliteStore.open(tmp_path / "file" / "kull.db", shard_count=16)

    async def test_epochs_of_two_stores_differ(self, store: SqliteStore, tmp_path: Path) -> None:
        other = await SqliteStore.open(tmp_path / "other.db", shard_count=16)
        await other.aclose()
        assert store.epoch != other.epoch

    async def test_a_restored_store_can_be_given_a_new_epoch(
        self, store: SqliteStore, path: Path
    ) -> None:
        with pytest.raises(StoreLocked):
            renew_epoch(path)
        await store.append(SHARD, 1, [credit("a")], NOW)
        await store.aclose()
        epoch = renew_epoch(path)
        again = await SqliteStore.open(path, shard_count=16)
        await again.aclose()
        assert again.epoch == epoch != store.epoch
        with pytest.raises(StoreUnavailable, match="no store at"):
            renew_epoch(path.with_name("missing.db"))
