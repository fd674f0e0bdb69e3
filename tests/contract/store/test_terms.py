"""A shard has one owner at a time, and who is not it writes nothing."""

from __future__ import annotations

import asyncio

import pytest

from kull_router.errors import Fenced, ShardCountMismatch
from kull_router.queues.port import (
    Store,
    Stored,
)
from tests.support.stores import (
    ALICE,
    NOW,
    SHARD,
    TWENTY,
    Disk,
    attach,
    credit,
    join,
    opened,
    put,
)


class TestClaim:
    async def test_terms_start_at_one_and_grow_by_one_per_shard(self, store: Store) -> None:
        assert [await store.claim(SHARD, "b"), await store.claim(SHARD, "a")] == [2, 3]
        assert await store.claim(SHARD + 1, "a") == 1

    async def test_terms_survive_a_restart(self, disk: Disk, store: Store) -> None:
        await store.aclose()
        async with opened(disk) as again:
            assert await again.claim(SHARD, "router-1") == 2

    async def test_concurrent_claims_get_different_terms(self, store: Store) -> None:
        terms = await asyncio.gather(*(store.claim(SHARD, str(one)) for one in range(20)))
        assert set(range(2, 22)) == set(terms)

    @pytest.mark.parametrize("term", [0, 1, 3])
    async def test_an_append_of_another_term_is_fenced_and_changes_nothing(
        self, store: Store, term: int
    ) -> None:
        await store.claim(SHARD, "router-2")
        with pytest.raises(Fenced, match=f"owned under term 2, not {term}"):
            await put(store, credit("a"), term=term)
        assert await store.queue(ALICE) is None
        assert [Stored(1)] == await put(store, credit("a"), term=2)

    async def test_an_empty_append_is_fenced_too(self, store: Store) -> None:
        assert await put(store) == []
        await store.claim(SHARD, "router-2")
        with pytest.raises(Fenced):
            await put(store)

    async def test_an_attach_of_another_term_is_fenced_and_changes_nothing(
        self, store: Store
    ) -> None:
        await store.claim(SHARD, "router-2")
        with pytest.raises(Fenced):
            await join(store)
        assert await store.devices("alice") == []

    async def test_calls_that_wait_beside_a_fenced_one_are_not_held_up(self, store: Store) -> None:
        await store.claim(SHARD + 1, "router-1")
        events = [credit(f"{n}", address=f"user:{n}") for n in range(20)]

        outcomes = await asyncio.gather(
            *(
                store.append(SHARD + n % 2, 1 + n % 3 // 2, [event], NOW)
                for n, event in enumerate(events)
            ),
            *(attach(store, device, term=1 + n % 2) for n, device in enumerate(TWENTY)),
            return_exceptions=True,
        )

        fenced = [n for n, one in enumerate(outcomes[:20]) if isinstance(one, Fenced)]
        assert fenced == [n for n in range(20) if n % 3 == 2]
        stored = [one for one in outcomes[:20] if not isinstance(one, BaseException)]
        assert stored == [[Stored(1)]] * len(stored)
        assert [isinstance(one, Fenced) for one in outcomes[20:]] == [False, True] * 10
        assert len(await store.devices("alice")) == 10

    async def test_a_shard_that_nobody_claimed_is_fenced(self, store: Store) -> None:
        with pytest.raises(Fenced):
            await store.append(SHARD + 1, 1, [credit("a")], NOW)

    async def test_another_shard_count_is_refused(self, disk: Disk, store: Store) -> None:
        await store.aclose()
        with pytest.raises(ShardCountMismatch, match="KULL_SHARD_COUNT=16"):
            async with opened(disk, shard_count=8):
                pass
        async with opened(disk):
            pass

    async def test_the_epoch_survives_a_restart(self, disk: Disk, store: Store) -> None:
        epoch = store.epoch
        assert epoch
        await store.aclose()
        async with opened(disk) as again:
            assert epoch == again.epoch
