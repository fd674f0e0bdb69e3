"""What was issued before a revocation ends, what was issued after it works, whatever clocks say."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.broker.memory_server import MemoryServer
from kull_router.clock import Clock
from kull_router.queues.memory import MemoryState
from tests.support.until import until
from tests.unit.router.rigs import SHARDS, Rig, running
from tests.unit.router.tokens import Wall, subscribe, token, verifier

REVOKED = 4507


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def rig(wall: Wall) -> AsyncIterator[Rig]:
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall)) as started:
        yield started


def issued(wall: Wall, ahead: float = 0.0) -> str:
    """A token of an issuer whose clock is ahead by so many seconds."""
    return token(wall, iat=wall.ms / 1000 + ahead)


async def works(rig: Rig, session: int, signed: str, device: str = "web-1") -> bool:
    answer = await subscribe(rig, session, signed, device=device)
    assert isinstance(answer, pb.Subscribed) or answer.close_code == REVOKED
    return isinstance(answer, pb.Subscribed)


@pytest.mark.parametrize("ahead", [0.0, 30.0, 59.0])
async def test_a_token_issued_in_the_second_of_its_revocation_but_later_works(
    rig: Rig, wall: Wall, ahead: float
) -> None:
    wall.ms += 400
    before = issued(wall, ahead)
    assert await works(rig, 1, before)
    wall.ms += 100
    stolen = issued(wall, ahead)  # nobody has seen it when it is taken back

    assert await rig.core.enforcement.revoke(user="maya", device="", token_id="") == 1
    wall.ms += 101
    after = issued(wall, ahead)

    assert await works(rig, 4, after)
    assert not await works(rig, 2, before, "web-2")
    assert not await works(rig, 3, stolen, "web-3")
    wall.ms += 50_000
    assert not await works(rig, 5, before, "web-5"), "whenever it is shown"


async def test_a_token_that_seems_to_be_of_an_hour_ahead_survives_no_revocation(
    rig: Rig, wall: Wall
) -> None:
    signed = issued(wall, 3600)
    assert await works(rig, 1, signed)
    assert await rig.core.enforcement.revoke(user="maya", device="", token_id="") == 1
    assert not await works(rig, 2, signed)


async def test_a_router_that_has_seen_an_issuers_clock_tells_the_one_that_revokes(
    wall: Wall,
) -> None:
    state, server = MemoryState(shard_count=SHARDS), MemoryServer()
    clock = Clock(wall_ms=wall)
    async with running(
        server, state, verifier=verifier(), clock=clock, revocation_poll=0.01
    ) as rig:
        signed = issued(wall, 30)
        assert await works(rig, 1, signed)
        wall.ms += 1000
        async with running(
            state=state, verifier=verifier(), clock=clock, revocation_poll=0.01
        ) as other:
            assert await other.core.enforcement.revoke(user="maya", device="", token_id="") == 0
            assert (await rig.frame("evict")).close_code == REVOKED
            (row,) = await rig.store.revocations(0, 100)
            assert (row.issued_before_ms, row.ahead_ms) == (wall.ms, 30_000)
            claims = verifier().verify(signed, wall.ms)
            assert row.covers(claims, "web-1")
            assert not row.covers(verifier().verify(issued(wall, 30.1), wall.ms), "web-1")
    async with running(MemoryServer(), state, verifier=verifier(), clock=clock) as restarted:
        assert not await works(restarted, 1, signed)


async def test_a_log_out_without_a_token_id_takes_back_what_was_issued_up_to_its_token(
    rig: Rig, wall: Wall
) -> None:
    wall.ms += 5_400
    old = token(wall, device="mac")  # whole seconds, as many issuers tell them
    wall.ms += 700
    assert await works(rig, 1, old, "mac")

    request = pb.Logout(request_id=9, session_id=1)
    await rig.core.receive(rig.edge, pb.AttachRequest(logout=request))
    assert (await rig.frame("evict")).close_code == 4504
    new = token(wall, device="mac")

    assert not await works(rig, 2, old, "mac")
    assert await works(rig, 3, new, "mac")


async def test_a_log_out_in_the_second_of_its_token_waits_for_the_next_one(
    rig: Rig, wall: Wall
) -> None:
    wall.ms += 5_970
    old = token(wall, device="mac")
    assert await works(rig, 1, old, "mac")
    request = pb.Logout(request_id=9, session_id=1)
    await rig.core.receive(rig.edge, pb.AttachRequest(logout=request))
    assert rig.core.subscriptions.all("maya"), "not yet"
    wall.ms += 30

    await until(lambda: not rig.core.subscriptions.all("maya"))

    assert await works(rig, 3, token(wall, device="mac"), "mac")
    assert not await works(rig, 2, old, "mac")
