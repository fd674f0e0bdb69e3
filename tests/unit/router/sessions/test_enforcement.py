from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.sessions import enforcement
from tests.unit.router.rigs import Rig, running
from tests.unit.router.tokens import Wall, pushes, refresh, subscribe, token, verifier


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def rig(wall: Wall) -> AsyncIterator[Rig]:
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall)) as started:
        yield started


async def test_an_expired_session_is_ended_even_if_its_edge_does_not(
    rig: Rig, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enforcement, "SWEEP", 0.01)
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall), token_grace=5) as swept:
        await subscribe(swept, 1, token(wall, ttl=60))
        wall.ms += 64_000
        assert await pushes(swept) == 1

        wall.ms += 2_000

        evict = await swept.frame("evict")
        assert (evict.session_id, evict.close_code) == (1, 4501)
        assert await pushes(swept) == 0


async def test_a_refreshed_session_lives_as_long_as_its_new_token(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, ttl=60))

    answer = await refresh(rig, 1, token(wall, ttl=600))

    assert answer.error_code == ""
    assert answer.expires_at == wall.ms + 600_000
    assert answer.closes_at == answer.expires_at + 30_000
    [followed] = rig.core.subscriptions.all("maya")
    assert followed.claims.expires_ms == answer.expires_at


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"user": "otto"}, "bad_token"),
        ({"device": "phone"}, "bad_token"),
        ({"ttl": -1}, "token_expired"),
        ({"aud": "kull-service"}, "bad_token"),
    ],
)
async def test_a_refresh_to_anyone_or_anything_else_is_refused_and_changes_nothing(
    rig: Rig, wall: Wall, claims: dict[str, Any], code: str
) -> None:
    await subscribe(rig, 1, token(wall, device="mac"), device="mac")

    answer = await refresh(rig, 1, token(wall, **({"device": "mac"} | claims)))

    assert answer.error_code == code
    [followed] = rig.core.subscriptions.all("maya")
    assert followed.claims.expires_ms == wall.ms + 60_000


async def test_a_refresh_to_fewer_rights_ends_them_at_once(rig: Rig, wall: Wall) -> None:
    both = token(wall, rooms=["one", "two"])
    for address in ("user:maya", "room:one", "room:two"):
        await subscribe(rig, 1, both, address=address)

    await rig.core.receive(
        rig.edge,
        pb.AttachRequest(refresh=pb.Refresh(session_id=1, token=token(wall, rooms=["one"]))),
    )

    ended = await rig.frame("refused")
    assert (ended.session_id, ended.address, ended.keep_session) == (1, "room:two", True)
    assert (await rig.frame("refreshed")).error_code == ""
    followed = {each.address for each in rig.core.subscriptions.all("maya")}
    assert followed == {"user:maya", "room:one"}
