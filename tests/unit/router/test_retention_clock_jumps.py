"""A router's clock that jumps purges nothing that is fresh, and makes no revoked token good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kull_router.clock import Clock
from kull_router.queues.memory import MemoryState
from tests.support.until import until
from tests.unit.router.rigs import SHARDS, Rig, running
from tests.unit.router.tokens import Wall, subscribe, token, verifier

EIGHT_DAYS_MS = 8 * 86_400_000


class Time:
    """The clock of a machine."""

    def __init__(self) -> None:
        self.wall, self.seconds = Wall(), 1000.0
        self.wall.ms = 1_700_000_000_000

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall.ms += round(seconds * 1000)

    def clock(self) -> Clock:
        return Clock(wall_ms=self.wall, monotonic=lambda: self.seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def state() -> MemoryState:
    return MemoryState(shard_count=SHARDS)


@pytest.fixture
async def rig(time: Time, state: MemoryState) -> AsyncIterator[Rig]:
    async with running(
        state=state, clock=time.clock(), trim_interval=0.01, presence_grace=60
    ) as started:
        yield started


async def trimmed(rig: Rig, times: int = 3) -> None:
    """Wait for looks of the retention that began after this."""
    trims, trim = 0, rig.store.trim

    async def counted(now_ms: int) -> int:
        nonlocal trims
        removed = await trim(now_ms)
        trims += 1
        return removed

    rig.store.trim = counted  # type: ignore[method-assign]
    async with asyncio.timeout(5):
        while trims < times:
            await asyncio.sleep(0.005)


async def seqs(rig: Rig) -> list[int]:
    page = await rig.store.read("user:maya", after=0, limit=100, max_bytes=10**6)
    return [entry.seq for entry in page.entries if entry.event.type == "CREDIT_UPDATE"]


async def test_a_clock_eight_days_ahead_for_four_seconds_purges_no_credit_of_a_device_away(
    rig: Rig, time: Time
) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 1)
    await rig.credit("maya", 2)
    assert len(await rig.credits_of("maya")) == 2
    kept = await seqs(rig)
    for _ in range(4):
        time.wall.ms += EIGHT_DAYS_MS
        time.passes(1)
        await trimmed(rig)
        assert await seqs(rig) == kept
        time.wall.ms -= EIGHT_DAYS_MS
        time.passes(1)
        await trimmed(rig)
    assert await seqs(rig) == kept
    assert [each.info.device for each in await rig.store.devices("maya")] == ["mac"]


async def test_what_comes_while_a_clock_is_wrong_is_kept_as_long_as_the_rest(
    rig: Rig, time: Time
) -> None:
    time.wall.ms -= 50 * EIGHT_DAYS_MS
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 1)
    await rig.credits_of("maya")
    time.wall.ms += 50 * EIGHT_DAYS_MS
    time.passes(10)
    await trimmed(rig)
    assert len(await seqs(rig)) == 1


async def test_retention_ends_what_is_old_by_the_time_that_has_passed(rig: Rig, time: Time) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 1)
    await rig.credits_of("maya")
    time.passes(7 * 86_400 - 60)
    await trimmed(rig)
    assert len(await seqs(rig)) == 1
    time.passes(120)
    await trimmed(rig)
    assert await seqs(rig) == []


async def test_a_router_that_starts_with_a_clock_far_ahead_purges_nothing(
    time: Time, state: MemoryState
) -> None:
    async with running(state=state, clock=time.clock(), trim_interval=0.01) as rig:
        await rig.subscribe(1, "maya:mac")
        await rig.credit("maya", 1)
        await rig.credits_of("maya")
        await trimmed(rig)
    for _ in range(3):  # and again, as one that crashes
        time.wall.ms += EIGHT_DAYS_MS
        time.passes(5)
        async with running(state=state, clock=time.clock(), trim_interval=0.01) as rig:
            await trimmed(rig)
            assert len(await seqs(rig)) == 1
            assert [each.info.device for each in await rig.store.devices("maya")] == ["mac"]


async def test_a_clock_that_jumps_makes_no_revoked_token_good_again(time: Time) -> None:
    clock = time.clock()
    async with running(
        verifier=verifier(),
        clock=clock,
        trim_interval=0.01,
        revocation_poll=0.01,
        token_max_ttl=86_400,
    ) as rig:
        stolen = token(time.wall, ttl=80_000)
        time.passes(1)
        await rig.core.enforcement.revoke(user="maya", device="", token_id="")
        time.wall.ms += EIGHT_DAYS_MS
        time.passes(4)
        await trimmed(rig)
        time.wall.ms -= EIGHT_DAYS_MS
        await trimmed(rig)

        assert (await subscribe(rig, 1, stolen)).close_code == 4507
        assert len(await rig.store.revocations(0, 100)) == 1


async def test_a_router_that_lives_for_a_moment_leaves_the_time_to_the_next_one(
    time: Time, state: MemoryState
) -> None:
    async with running(state=state, clock=time.clock(), trim_interval=3600):
        await until(lambda: state.time_ms)

    assert state.time_ms == time.wall.ms
