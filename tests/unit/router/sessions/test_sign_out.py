from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.errors import StoreUnavailable
from kull_router.sessions.sign_out import NotOwner, SignOutRefused
from tests.support.until import until
from tests.unit.router.rigs import Rig, running
from tests.unit.router.tokens import Wall, subscribe, token, verifier


@pytest.fixture
def wall() -> Wall:
    wall = Wall()
    wall.ms += 990  # near the end of a second: an answer waits for it
    return wall


@pytest.fixture
async def rig(wall: Wall) -> AsyncIterator[Rig]:
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall)) as started:
        yield started


async def ask(rig: Rig, device: str) -> None:
    request = pb.SignOut(request_id=9, session_id=1, device_id=device)
    await rig.core.receive(rig.edge, pb.AttachRequest(sign_out=request))


async def sign_out(rig: Rig, device: str) -> Any:
    await ask(rig, device)
    return await rig.frame("published")


async def known(rig: Rig, address: str = "") -> set[str]:
    return {each.info.device for each in await rig.store.devices("maya", address) if each.follows}


async def gone(rig: Rig, device: str) -> list[str]:
    """Wait until the newest news of a device is that it is gone; return the ids of its news."""
    async with asyncio.timeout(5):
        while True:
            page = await rig.store.read("user:maya", after=0, limit=100, max_bytes=10**6)
            told = [json.loads(entry.event.body) for entry in page.entries]
            found = [each for each in told if each["data"]["deviceId"] == device]
            if found and found[-1]["type"] == "DEVICE_DISCONNECTED":
                return [each["id"] for each in found]
            await asyncio.sleep(0)


async def test_a_device_that_is_signed_out_is_closed_revoked_forgotten_and_seen_to_leave(
    rig: Rig, wall: Wall
) -> None:
    phones = token(wall, device="phone")
    await subscribe(rig, 1, token(wall, device="mac"), device="mac")
    await subscribe(rig, 2, phones, device="phone")
    await subscribe(rig, 2, phones, device="phone", address="all")
    await ask(rig, "phone")

    evict = await rig.frame("evict")
    assert (evict.session_id, evict.close_code) == (2, 4507)
    answer = await rig.frame("published")
    assert (answer.request_id, answer.error_code) == (9, "")

    assert await known(rig) == {"mac"}
    assert await known(rig, "all") == set()
    assert await gone(rig, "phone") == [answer.event_id]
    assert (await subscribe(rig, 3, phones, device="phone")).close_code == 4507
    assert [each.key.session for each in rig.core.subscriptions.all("maya")] == [1]


async def test_who_logs_in_again_after_that_is_a_new_device(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, device="mac"), device="mac")
    await subscribe(rig, 2, token(wall, device="phone"), device="phone")
    await sign_out(rig, "phone")
    wall.ms += 1000

    again = await subscribe(rig, 3, token(wall, device="phone"), device="phone")

    assert (again.user_id, again.first) == ("maya", True)


async def test_a_device_that_is_away_is_signed_out_too(rig: Rig, wall: Wall) -> None:
    phones = token(wall, device="phone")
    await subscribe(rig, 1, token(wall, device="mac"), device="mac")
    await subscribe(rig, 2, phones, device="phone")
    gone = pb.Unsubscribe(session_id=2, address="user:maya")
    await rig.core.receive(rig.edge, pb.AttachRequest(unsubscribe=gone))
    await until(lambda: rig.core.sessions.registry.of_device("maya", "phone") is None)

    answer = await sign_out(rig, "phone")

    assert answer.error_code == ""
    assert await known(rig) == {"mac"}
    assert (await subscribe(rig, 3, phones, device="phone")).close_code == 4507


async def test_signing_out_twice_is_as_good_as_once(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, device="mac"), device="mac")
    await subscribe(rig, 2, token(wall, device="phone"), device="phone")
    assert (await sign_out(rig, "phone")).error_code == ""

    assert (await sign_out(rig, "phone")).error_code == ""

    assert len(await rig.store.revocations(0, 100)) == 1


async def test_a_device_that_the_user_never_had_is_unknown(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, device="mac"), device="mac")
    await subscribe(rig, 2, token(wall, "ben", device="phone"), device="phone", address="user:ben")

    assert (await sign_out(rig, "phone")).error_code == "unknown_device"

    assert await rig.store.revocations(0, 100) == []
    assert len(rig.core.subscriptions.all("ben")) == 1


async def test_a_token_without_the_right_signs_nobody_out(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, device="tv", rights=[]), device="tv")
    await subscribe(rig, 2, token(wall, device="phone"), device="phone")

    assert (await sign_out(rig, "phone")).error_code == "forbidden"

    assert len(rig.core.subscriptions.all("maya")) == 2


async def test_a_connected_tab_loses_the_token_that_it_shows(rig: Rig, wall: Wall) -> None:
    tabs = token(wall, jti="t-1")
    await subscribe(rig, 1, token(wall, device="mac"), device="mac")
    await subscribe(rig, 2, tabs, device="web-2")

    assert (await sign_out(rig, "web-2")).error_code == ""

    assert (await subscribe(rig, 3, tabs, device="web-3")).close_code == 4507


async def test_an_operator_signs_out_a_tab_and_the_token_that_it_shows(
    rig: Rig, wall: Wall
) -> None:
    tabs = token(wall, jti="t-1")
    await subscribe(rig, 1, token(wall, device="mac"), device="mac")
    await subscribe(rig, 2, tabs, device="web-2")

    done = await rig.core.sign_out.by_operator("maya", "web-2")

    assert (await rig.frame("evict")).close_code == 4507
    assert done.sessions == 1
    assert await gone(rig, "web-2") == [done.event_id]
    assert await known(rig) == {"mac"}
    assert (await subscribe(rig, 3, tabs, device="web-3")).close_code == 4507


async def test_an_operator_takes_back_tokens_of_a_device_that_nobody_knows_and_tells_nobody(
    rig: Rig, wall: Wall
) -> None:
    phones = token(wall, device="phone")

    done = await rig.core.sign_out.by_operator("maya", "phone")

    assert done == (0, "")
    assert await rig.store.queue("user:maya") is None
    assert (await subscribe(rig, 1, phones, device="phone")).close_code == 4507


async def test_a_plain_device_is_closed_and_forgotten() -> None:
    async with running() as rig:
        await rig.subscribe(1, "maya:mac")
        await rig.subscribe(2, "maya:phone")
        await ask(rig, "phone")

        assert (await rig.frame("evict")).close_code == 4507
        assert (await rig.frame("published")).error_code == ""
        assert await known(rig) == {"mac"}


async def test_what_cannot_be_stored_is_told_and_the_repeat_does_what_is_left(
    rig: Rig, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    await subscribe(rig, 1, token(wall, device="mac"), device="mac")
    await subscribe(rig, 2, token(wall, device="phone"), device="phone")
    with monkeypatch.context() as patch:
        patch.setattr(rig.store, "forget", away)
        assert (await sign_out(rig, "phone")).error_code == "unavailable"
    assert await known(rig) == {"mac", "phone"}

    assert (await sign_out(rig, "phone")).error_code == ""

    assert await known(rig) == {"mac"}


async def test_nothing_is_done_when_the_revocation_cannot_be_stored(
    rig: Rig, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    await subscribe(rig, 1, token(wall, device="mac"), device="mac")
    await subscribe(rig, 2, token(wall, device="phone"), device="phone")
    monkeypatch.setattr(rig.store, "revoke", away)

    assert (await sign_out(rig, "phone")).error_code == "unavailable"

    assert len(rig.core.subscriptions.all("maya")) == 2


async def test_another_edges_session_signs_nobody_out(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, device="mac"), device="mac")
    await subscribe(rig, 2, token(wall, device="phone"), device="phone")
    request = pb.SignOut(request_id=9, session_id=1, device_id="phone")

    await rig.core.receive(rig.attach("edge-2"), pb.AttachRequest(sign_out=request))
    await subscribe(rig, 3, token(wall, device="tv"), device="tv")

    assert len(rig.core.subscriptions.all("maya")) == 3


async def test_a_user_signs_out_no_more_devices_than_may_be(wall: Wall) -> None:
    limits: dict[str, Any] = {"refreshes_per_user": 0.001, "refreshes_per_user_burst": 1.0}
    clock = Clock(wall_ms=wall)
    async with running(verifier=verifier(), clock=clock, **limits) as rig:
        await subscribe(rig, 1, token(wall, device="mac"), device="mac")
        assert (await sign_out(rig, "phone")).error_code == "unknown_device"

        assert (await sign_out(rig, "phone")).error_code == "rate_limited"


async def test_a_token_does_it_without_a_connection(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 2, token(wall, device="phone"), device="phone")

    event_id = await rig.core.sign_out.by_token(token(wall, device="mac"), "phone")

    assert event_id
    assert await known(rig) == set()


@pytest.mark.parametrize("claims", [{"exp": 1}, {"sub": ""}, {"device": "phone"}])
async def test_a_token_that_is_worth_nothing_signs_nobody_out(
    rig: Rig, wall: Wall, claims: dict[str, Any]
) -> None:
    await subscribe(rig, 2, token(wall, device="phone"), device="phone")
    if "device" in claims:  # revoked before
        await rig.core.enforcement.revoke(user="maya", device="phone", token_id="")

    with pytest.raises(SignOutRefused):
        await rig.core.sign_out.by_token(token(wall, **claims), "phone")


async def test_a_router_that_does_not_own_the_users_shard_says_so(rig: Rig, wall: Wall) -> None:
    for claim in rig.core.shards.ownership.claims:
        claim.lose()

    with pytest.raises(NotOwner):
        await rig.core.sign_out.by_token(token(wall, device="mac"), "phone")
    with pytest.raises(NotOwner):
        await rig.core.sign_out.by_operator("maya", "phone")
