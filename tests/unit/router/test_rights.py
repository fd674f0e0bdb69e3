"""Connected sessions keep step with their tokens: revoked, expired, refreshed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import jwt
import pytest

from kull_producers.events.stamp import Stamp
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.access.tokens import TokenVerifier
from kull_router.broker.memory_server import MemoryServer
from kull_router.clock import Clock
from kull_router.errors import StoreUnavailable
from kull_router.queues.memory import MemoryState
from kull_router.sessions import enforcement as rights
from kull_router.sessions.device_messages import device_typing
from tests.unit.router.test_router import SHARDS, Rig, running

SECRET = "a-secret-of-at-least-32-bytes-for-the-tests"
LIMIT = 10  # seconds


class Wall:
    """A clock that tests move."""

    ms = 1_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def rig(wall: Wall) -> AsyncIterator[Rig]:
    async with running(verifier=verifier(), clock=Clock(wall_ms=wall)) as started:
        yield started


def verifier() -> TokenVerifier:
    return TokenVerifier(SECRET, allow_plain=False)


def token(wall: Wall, user: str = "maya", ttl: int = 60, **claims: Any) -> str:
    now = wall.ms // 1000
    return jwt.encode({"sub": user, "iat": now, "exp": now + ttl, **claims}, SECRET)


async def subscribe(
    rig: Rig, session: int, signed: str, *, address: str = "user:maya", device: str = "web-1"
) -> Any:
    request = pb.Subscribe(
        session_id=session, address=address, token=signed, device=pb.Device(device_id=device)
    )
    await rig.core.receive(rig.edge, pb.AttachRequest(subscribe=request))
    async with asyncio.timeout(LIMIT):
        while True:
            (frame,) = await rig.edge.next()
            if (kind := frame.WhichOneof("frame")) in {"subscribed", "refused"}:
                return getattr(frame, kind)


async def refresh(rig: Rig, session: int, signed: str) -> Any:
    request = pb.Refresh(session_id=session, token=signed)
    await rig.core.receive(rig.edge, pb.AttachRequest(refresh=request))
    return await rig.frame("refreshed")


async def pushes(rig: Rig) -> int:
    """How many pushes for maya's devices wait after one credit."""
    await rig.credit("maya", 1)
    for _ in range(100):
        await asyncio.sleep(0)
    found = 0
    while rig.edge.outbox:
        frame = rig.edge.outbox.take()
        if frame is not None and frame.WhichOneof("frame") == "deliver":
            found += sum(e.type == "CREDIT_UPDATE" for p in frame.deliver.pushes for e in p.entries)
    return found


async def test_a_revoked_session_is_closed_and_gets_nothing_more(rig: Rig, wall: Wall) -> None:
    signed = token(wall, device="mac")
    await subscribe(rig, 1, signed, device="mac")

    assert await rig.core.rights.revoke(user="maya", device="", token_id="") == 1

    evict = await rig.frame("evict")
    assert (evict.session_id, evict.close_code) == (1, 4507)
    assert await pushes(rig) == 0
    refused = await subscribe(rig, 2, signed, device="mac")
    assert (refused.close_code, refused.reason) == (4507, "the token was revoked: log in again")


async def test_a_token_issued_after_the_revocation_works(rig: Rig, wall: Wall) -> None:
    await rig.core.rights.revoke(user="maya", device="", token_id="")
    wall.ms += 1000

    assert (await subscribe(rig, 1, token(wall))).user_id == "maya"


async def test_revoking_one_device_or_one_token_leaves_the_others(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, device="mac", jti="t-1"), device="mac")
    await subscribe(rig, 2, token(wall, device="phone", jti="t-2"), device="phone")
    await subscribe(rig, 3, token(wall, "otto"), address="user:otto")

    assert await rig.core.rights.revoke(user="maya", device="mac", token_id="") == 1
    assert await rig.core.rights.revoke(user="", device="", token_id="t-2") == 1
    assert len(rig.core.fanout.subscriptions.all("otto")) == 1


async def test_what_another_router_revokes_is_in_force_here(wall: Wall) -> None:
    state = MemoryState(shard_count=SHARDS)
    clock = Clock(wall_ms=wall)
    async with running(
        MemoryServer(), state, verifier=verifier(), clock=clock, revocation_poll=0.01
    ) as rig:
        await subscribe(rig, 1, token(wall))
        async with running(state=state, verifier=verifier(), clock=clock) as other:
            assert await other.core.rights.revoke(user="maya", device="", token_id="") == 0

        assert (await rig.frame("evict")).close_code == 4507


async def test_a_revocation_outlives_a_restart_of_the_router(wall: Wall) -> None:
    state = MemoryState(shard_count=SHARDS)
    clock = Clock(wall_ms=wall)
    signed = token(wall)
    async with running(MemoryServer(), state, verifier=verifier(), clock=clock) as rig:
        await rig.core.rights.revoke(user="maya", device="", token_id="")
    async with running(MemoryServer(), state, verifier=verifier(), clock=clock) as rig:
        assert (await subscribe(rig, 1, signed)).close_code == 4507


async def test_an_expired_session_is_ended_even_if_its_edge_does_not(
    rig: Rig, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "SWEEP", 0.01)
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
    [followed] = rig.core.fanout.subscriptions.all("maya")
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
    [followed] = rig.core.fanout.subscriptions.all("maya")
    assert followed.claims.expires_ms == wall.ms + 60_000


async def test_a_refresh_with_a_revoked_token_is_refused(rig: Rig, wall: Wall) -> None:
    stolen = token(wall, jti="t-1")
    await rig.core.rights.revoke(user="", device="", token_id="t-1")
    await subscribe(rig, 1, token(wall, jti="t-2"))

    assert (await refresh(rig, 1, stolen)).error_code == "revoked"


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
    followed = {each.address for each in rig.core.fanout.subscriptions.all("maya")}
    assert followed == {"user:maya", "room:one"}


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
    assert rig.core.fanout.subscriptions.all("otto") == []


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
    followed = rig.core.fanout.subscriptions.all("maya")
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
    assert {each.key.session for each in rig.core.fanout.subscriptions.all("maya")} == {2, 4}


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
    assert len(rig.core.fanout.subscriptions.all("maya")) == 1


async def test_a_logout_for_another_edges_session_does_nothing(rig: Rig, wall: Wall) -> None:
    await subscribe(rig, 1, token(wall, jti="t-1"))
    request = pb.AttachRequest(logout=pb.Logout(request_id=9, session_id=1))

    await rig.core.receive(rig.attach("edge-2"), request)
    await subscribe(rig, 2, token(wall, jti="t-2"), device="web-2")

    assert len(rig.core.fanout.subscriptions.all("maya")) == 2


async def typing(rig: Rig, room: str) -> Any:
    request = pb.Publish(request_id=3, session_id=1, type="TYPING", payload=room.encode())
    await rig.core.receive(rig.edge, pb.AttachRequest(publish=request))
    return await rig.frame("published")


async def entries_of(rig: Rig, address: str) -> list[pb.Entry]:
    """Return what is pushed to an address next."""
    while True:
        for push in (await rig.frame("deliver")).pushes:
            if push.address == address:
                return list(push.entries)


async def test_typing_reaches_a_room_that_the_token_grants_and_no_other(
    rig: Rig, wall: Wall
) -> None:
    signed = token(wall, rooms=["one"])
    for address in ("user:maya", "room:one"):
        await subscribe(rig, 1, signed, address=address)

    for foreign in ("room:two", "user:otto", "all"):
        assert (await typing(rig, foreign)).error_code == "forbidden"
    request = pb.Publish(request_id=3, session_id=1, type="TYPING", payload=b"room:one")
    await rig.core.receive(rig.edge, pb.AttachRequest(publish=request))

    [entry] = await entries_of(rig, "room:one")
    frame = json.loads(entry.frame)
    assert (entry.seq, frame["queue"], frame["type"]) == (0, "room:one", "TYPING")
    assert frame["data"] == {"userId": "maya"}


async def test_typing_that_was_held_up_is_dropped(rig: Rig, wall: Wall) -> None:
    signed = token(wall, rooms=["one"])
    for address in ("user:maya", "room:one"):
        await subscribe(rig, 1, signed, address=address)
    stamp = Stamp(id="old", timestamp_ms=wall.ms - 5_001, version=1)
    shards = rig.core.settings.shard_count

    for each in (stamp, replace(stamp, id="new", timestamp_ms=wall.ms - 4_999)):
        await rig.broker.publish(
            device_typing("room:one", each, user_id="maya", device_id="web-1", shard_count=shards)
        )

    got = await entries_of(rig, "room:one")
    assert [json.loads(entry.frame)["id"] for entry in got] == ["new"]
