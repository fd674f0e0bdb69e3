from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kull_router.broker.memory_server import MemoryServer
from kull_router.clock import Clock
from kull_router.queues.memory import MemoryState
from tests.unit.router.rigs import SHARDS, Rig, running
from tests.unit.router.tokens import Wall, pushes, refresh, subscribe, token, verifier


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def rig(wall: Wall) -> AsyncIterator[Rig]:
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall)) as started:
        yield started


async def test_a_revoked_session_is_closed_and_gets_nothing_more(rig: Rig, wall: Wall) -> None:
    signed = token(wall, device="mac")
    await subscribe(rig, 1, signed, device="mac")

    assert await rig.core.enforcement.revoke(user="maya", device="", token_id="") == 1

    evict = await rig.frame("evict")
    assert (evict.session_id, evict.close_code) == (1, 4507)
    assert await pushes(rig) == 0
    refused = await subscribe(rig, 2, signed, device="mac")
    assert (refused.close_code, refused.reason) == (4507, "the token was revoked: log in again")


async def test_a_token_issued_after_the_revocation_works(rig: Rig, wall: Wall) -> None:
    await rig.core.enforcement.revoke(user="maya", device="", token_id="")
    wall.ms += 1000

    assert (await subscribe(rig, 1, token(wall))).user_id == "maya"


async def test_revoking_one_device_or_one_token_leaves_the_others(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, device="mac", jti="t-1"), device="mac")
    await subscribe(rig, 2, token(wall, device="phone", jti="t-2"), device="phone")
    await subscribe(rig, 3, token(wall, "otto"), address="user:otto")

    assert await rig.core.enforcement.revoke(user="maya", device="mac", token_id="") == 1
    assert await rig.core.enforcement.revoke(user="", device="", token_id="t-2") == 1
    assert len(rig.core.subscriptions.all("otto")) == 1


async def test_what_another_router_revokes_is_in_force_here(wall: Wall) -> None:
    state = MemoryState(shard_count=SHARDS)
    clock = Clock(wall_ms=wall)
    async with running(
        MemoryServer(), state, verifier=verifier(), clock=clock, revocation_poll=0.01
    ) as rig:
        await subscribe(rig, 1, token(wall))
        async with running(state=state, verifier=verifier(), clock=clock) as other:
            assert await other.core.enforcement.revoke(user="maya", device="", token_id="") == 0

        assert (await rig.frame("evict")).close_code == 4507


async def test_a_revocation_outlives_a_restart_of_the_router(wall: Wall) -> None:
    state = MemoryState(shard_count=SHARDS)
    clock = Clock(wall_ms=wall)
    signed = token(wall)
    async with running(MemoryServer(), state, verifier=verifier(), clock=clock) as rig:
        await rig.core.enforcement.revoke(user="maya", device="", token_id="")
    async with running(MemoryServer(), state, verifier=verifier(), clock=clock) as rig:
        assert (await subscribe(rig, 1, signed)).close_code == 4507


async def test_a_refresh_with_a_revoked_token_is_refused(rig: Rig, wall: Wall) -> None:
    stolen = token(wall, jti="t-1")
    await rig.core.enforcement.revoke(user="", device="", token_id="t-1")
    await subscribe(rig, 1, token(wall, jti="t-2"))

    assert (await refresh(rig, 1, stolen)).error_code == "revoked"
