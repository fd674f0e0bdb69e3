"""Several routers on one PostgreSQL: each shard has one writer, whatever stops when."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kull_router.errors import Fenced, StoreUnavailable
from kull_router.queues import rules
from kull_router.queues.port import DeviceInfo, Stale, Stored
from kull_router.queues.sql.postgres import PostgresStore
from tests.contract.store.postgres.stores import AGES, held, opened, seqs_and_ids
from tests.support.processes import Processes
from tests.support.stores import ALICE, NOW, SHARD, attach, credit, tick

pytestmark = pytest.mark.postgres


ROOT = Path(__file__).parents[4]


@asynccontextmanager
async def process(module: str, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A router in a process of its own."""
    async with Processes() as processes:
        yield await processes.start_async(
            sys.executable,
            *("-m", f"tests.contract.store.{module}", url),
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
                await attach(old, phone)
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
                            attach(store, device, address=f"room:{shard}", shard=shard)
                        )
                        for device in devices[::order]
                    ]
                await asyncio.sleep(0)
                commits = one.commits, other.commits
            await asyncio.gather(*attaching)
            assert (one.commits, other.commits) == tuple(count + 2 for count in commits), (
                "after the one that held them up each needed one transaction: none was a deadlock"
            )
