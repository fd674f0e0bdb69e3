"""What only a database that several routers share can show."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psycopg
import pytest

from kull_router.errors import ConfigError, Fenced, StoreUnavailable
from kull_router.store import Outcome, Retention, Stored
from kull_router.store_postgres import PostgresStore
from tests.support.ports import free_port
from tests.support.postgres import Postgres, fresh_database
from tests.support.stores import ALICE, NOW, SHARD, PostgresDisk, credit, opened

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).parents[2]


async def open_at(url: str) -> PostgresStore:
    return await PostgresStore.open(url, shard_count=16, retention=Retention())


async def test_a_router_that_lost_its_shard_writes_nothing_more(database_url: str) -> None:
    disk = PostgresDisk(database_url)
    async with opened(disk) as old, opened(disk) as new:
        assert await old.claim(SHARD, "old") == 1
        assert await old.append(SHARD, 1, [credit("a")], NOW) == [Stored(1)]

        assert await new.claim(SHARD, "new") == 2

        with pytest.raises(Fenced):
            await old.append(SHARD, 1, [credit("b")], NOW)
        assert await new.append(SHARD, 2, [credit("b")], NOW) == [Stored(2)]


async def test_routers_that_start_at_once_agree_on_the_tables_and_the_epoch(
    database_url: str,
) -> None:
    stores = await asyncio.gather(*(open_at(database_url) for _ in range(4)))
    try:
        assert len({store.epoch for store in stores}) == 1
    finally:
        await asyncio.gather(*(store.aclose() for store in stores))


async def test_a_router_stopped_within_a_transaction_keeps_a_shard_for_seconds_only(
    database_url: str,
) -> None:
    async with opened(PostgresDisk(database_url)) as new:
        await new.claim(SHARD, "old")
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.contract.stopped_router",
            database_url,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        try:
            assert child.stdout
            assert await child.stdout.readline() == b"within\n"
            child.send_signal(signal.SIGSTOP)

            async with asyncio.timeout(20):
                while (term := await try_to_claim(new)) is None:
                    pass
            assert await new.append(SHARD, term, [credit("b")], NOW) == [Stored(1)]

            child.send_signal(signal.SIGCONT)
            async with asyncio.timeout(20):
                said, _ = await child.communicate()
            assert said.splitlines()[-1] == b"nothing was stored"
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        queue = await new.queue(ALICE)
        assert queue and queue.head == 1


async def try_to_claim(store: PostgresStore | object) -> int | None:
    assert isinstance(store, PostgresStore)
    try:
        return await store.claim(SHARD, "new")
    except StoreUnavailable:
        return None


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_restart_of_the_database_loses_nothing_acknowledged(
    private_postgres: Postgres, how: str
) -> None:
    acknowledged: dict[str, Outcome] = {}
    async with opened(PostgresDisk(private_postgres.url)) as store:
        term = await store.claim(SHARD, "r")
        restart = asyncio.create_task(asyncio.to_thread(_restart, private_postgres, how))
        number = 0
        while not restart.done() or number < 300:
            try:
                (outcome,) = await store.append(SHARD, term, [credit(f"e{number}")], NOW)
            except StoreUnavailable:
                await asyncio.sleep(0.01)
                continue
            acknowledged[f"e{number}"] = outcome
            number += 1
        await restart
        page = await store.read(ALICE, after=0, limit=10_000, max_bytes=10**9)

    stored = {entry.event.id for entry in page.entries}
    assert acknowledged.keys() <= stored
    seqs = [entry.seq for entry in page.entries]
    assert seqs == list(range(seqs[0], seqs[-1] + 1))


def _restart(server: Postgres, how: str) -> None:
    server.kill() if how == "kill" else server.stop()
    server.start()


async def test_a_restored_database_has_another_epoch(private_postgres: Postgres) -> None:
    with fresh_database(private_postgres.url) as url:
        async with opened(PostgresDisk(url)) as store:
            before = store.epoch
        with psycopg.connect(url, autocommit=True) as db:  # as if it came from another cluster
            db.execute("UPDATE meta SET value = '1/1' WHERE name = 'history'")

        async with opened(PostgresDisk(url)) as store:
            renewed = store.epoch
        async with opened(PostgresDisk(url)) as store:
            assert store.epoch == renewed
    assert renewed != before


async def test_a_database_that_cannot_be_reached_is_told_without_the_password() -> None:
    url = f"postgresql://kull:very-secret@127.0.0.1:{free_port()}/kull"

    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1") as caught:
        await open_at(url)

    assert "very-secret" not in str(caught.value)


async def test_what_is_no_url_is_told_without_repeating_it() -> None:
    with pytest.raises(ConfigError, match="KULL_DATABASE_URL") as caught:
        await open_at("postgresql//kull:very-secret@host")

    assert "very-secret" not in str(caught.value)
