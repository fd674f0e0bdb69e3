from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from tests.unit.router.rigs import Rig, running
from tests.unit.router.tokens import Wall, subscribe, token, verifier


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def rig(wall: Wall) -> AsyncIterator[Rig]:
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall)) as started:
        yield started


async def test_a_room_that_the_token_does_not_grant_is_refused(rig: Rig, wall: Wall) -> None:
    refused = await subscribe(rig, 1, token(wall, rooms=["one"]), address="room:two")

    assert (refused.close_code, refused.keep_session) == (4500, True)
    assert refused.reason == "the token does not grant 'room:two'"
    foreign = await subscribe(rig, 1, token(wall, rooms=["one"]), address="user:otto")
    assert (foreign.close_code, foreign.keep_session) == (4500, False)


async def test_a_session_that_was_connected_may_move_within_its_grace(rig: Rig, wall: Wall) -> None:
    signed = token(wall, ttl=60)
    generation = (await subscribe(rig, 1, signed)).generation
    wall.ms += 70_000

    assert (await subscribe(rig, 2, signed, device="web-2")).close_code == 4501
    request = pb.Subscribe(
        session_id=1,
        address="user:maya",
        token=signed,
        device=pb.Device(device_id="web-1"),
        generation=generation,
    )
    await rig.core.receive(rig.edge, pb.AttachRequest(subscribe=request))
    assert (await rig.frame("subscribed")).closes_at == wall.ms - 70_000 + 90_000


async def test_an_edge_cannot_claim_a_user_whose_token_it_does_not_hold(
    rig: Rig, wall: Wall
) -> None:
    forged = jwt.encode({"sub": "otto", "exp": wall.ms // 1000 + 60}, "x" * 40)
    for claim in ("", "otto", forged, token(wall, "maya"), token(wall, "otto", ttl=-1)):
        refused = await subscribe(rig, 1, claim, address="user:otto")
        assert refused.close_code in {4500, 4501}

    await subscribe(rig, 2, token(wall, "maya"))
    fetch = pb.Fetch(request_id=1, session_id=2, address="user:otto", limit=9, max_bytes=999)
    await rig.core.receive(rig.edge, pb.AttachRequest(fetch=fetch))
    batch = await rig.frame("batch")
    assert batch.error
    assert not batch.entries
    publish = pb.Publish(request_id=1, session_id=1, type="UPDATE_PROGRESS", payload=b"{}")
    await rig.core.receive(rig.edge, pb.AttachRequest(publish=publish))
    assert (await rig.frame("published")).error_code == "invalid_message"
    assert rig.core.subscriptions.all("otto") == []


async def test_one_user_gets_its_share_of_attempts_and_others_theirs(wall: Wall) -> None:
    limits: dict[str, Any] = {"attempts_per_user": 0.01, "attempts_per_user_burst": 2.0}
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall), **limits) as rig:
        for _ in range(2):
            assert (await subscribe(rig, 1, token(wall))).user_id == "maya"
        refused = await subscribe(rig, 2, token(wall))
        assert (refused.close_code, refused.reason) == (
            4005,
            "this user connects too often: connect again after 100 s",
        )
        assert (await subscribe(rig, 3, token(wall, "otto"), address="user:otto")).user_id == "otto"


async def test_who_holds_no_token_of_a_user_uses_up_none_of_its_attempts(wall: Wall) -> None:
    forged = jwt.encode({"sub": "maya", "exp": wall.ms // 1000 + 60}, "x" * 40)
    limits: dict[str, Any] = {"attempts_per_user": 0.01, "attempts_per_user_burst": 1.0}
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall), **limits) as rig:
        for _ in range(5):
            assert (await subscribe(rig, 1, forged)).close_code == 4500
        assert (await subscribe(rig, 1, token(wall))).user_id == "maya"
