from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.errors import StoreUnavailable
from tests.unit.router.rigs import Rig, running
from tests.unit.router.tokens import Wall, subscribe, token, verifier


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def rig(wall: Wall) -> AsyncIterator[Rig]:
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall)) as started:
        yield started


async def logout(rig: Rig, session: int) -> None:
    request = pb.Logout(request_id=9, session_id=session)
    await rig.core.receive(rig.edge, pb.AttachRequest(logout=request))


async def test_a_logout_takes_back_the_token_and_ends_all_that_show_it(
    rig: Rig, wall: Wall
) -> None:
    shared, other = token(wall, jti="t-1"), token(wall, jti="t-2")
    edge_2 = rig.attach("edge-2")
    for session, signed in ((1, shared), (2, other)):
        await subscribe(rig, session, signed, device=f"web-{session}")
    request = pb.Subscribe(
        session_id=1, address="user:maya", token=shared, device=pb.Device(device_id="web-3")
    )
    await rig.core.receive(edge_2, pb.AttachRequest(subscribe=request))
    await rig.frame("subscribed", edge_2)

    await logout(rig, 1)

    here, there = await rig.frame("evict"), await rig.frame("evict", edge_2)
    assert {(each.session_id, each.close_code) for each in (here, there)} == {(1, 4504)}
    assert (await subscribe(rig, 3, shared)).close_code == 4507
    followed = rig.core.subscriptions.all("maya")
    assert [each.key.session for each in followed] == [2]


async def test_without_a_token_id_all_tokens_of_the_device_are_taken_back(
    rig: Rig, wall: Wall
) -> None:
    signed = token(wall, device="mac")
    await subscribe(rig, 1, signed, device="mac")
    await subscribe(rig, 2, token(wall, device="phone"), device="phone")

    await logout(rig, 1)

    evict = await rig.frame("evict")
    assert (evict.session_id, evict.close_code) == (1, 4504)
    assert (await subscribe(rig, 3, signed, device="mac")).close_code == 4507
    wall.ms += 1000
    assert (await subscribe(rig, 4, token(wall, device="mac"), device="mac")).user_id == "maya"
    assert {each.key.session for each in rig.core.subscriptions.all("maya")} == {2, 4}


async def test_a_logout_of_a_token_that_names_neither_ends_its_session_only(
    rig: Rig, wall: Wall
) -> None:
    signed = token(wall)
    await subscribe(rig, 1, signed)
    await subscribe(rig, 2, signed, device="web-2")

    await logout(rig, 1)

    assert (await rig.frame("evict")).close_code == 4504
    assert (await subscribe(rig, 3, signed, device="web-3")).user_id == "maya"


async def test_a_plain_device_that_logs_out_is_closed() -> None:
    async with running() as rig:
        await rig.subscribe(1, "maya:mac")

        await logout(rig, 1)

        assert (await rig.frame("evict")).close_code == 4504
        assert (await rig.subscribe(2, "maya:mac")).user_id == "maya"


async def test_a_logout_that_cannot_be_stored_is_told_and_ends_nothing(
    rig: Rig, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> None:
        raise StoreUnavailable("the disk is full")

    await subscribe(rig, 1, token(wall, jti="t-1"))
    monkeypatch.setattr(rig.store, "revoke", away)

    await logout(rig, 1)

    answer = await rig.frame("published")
    assert (answer.request_id, answer.error_code) == (9, "unavailable")
    assert len(rig.core.subscriptions.all("maya")) == 1


async def test_a_logout_for_another_edges_session_does_nothing(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, jti="t-1"))
    request = pb.AttachRequest(logout=pb.Logout(request_id=9, session_id=1))

    await rig.core.receive(rig.attach("edge-2"), request)
    await subscribe(rig, 2, token(wall, jti="t-2"), device="web-2")

    assert len(rig.core.subscriptions.all("maya")) == 2


async def test_sixteen_log_outs_of_one_token_are_one_row_that_ends_with_the_token(
    rig: Rig, wall: Wall
) -> None:
    signed = token(wall, jti="t-1", ttl=60)
    for session in range(1, 17):
        await subscribe(rig, session, signed, device=f"web-{session}")
    for session in range(1, 17):
        await logout(rig, session)
        wall.ms += 10
    for _ in range(16):
        assert (await rig.frame("evict")).close_code == 4504

    (row,) = await rig.store.revocations(0, 100)
    assert (row.token_id, row.until_ms) == ("t-1", 1_000_000_000 + 60_000 + 30_000)
