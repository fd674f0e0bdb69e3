"""Who may watch whom, and what they are told, by a running core on twins."""

from __future__ import annotations

import asyncio
from typing import Any

import jwt
import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.access.tokens import TokenVerifier
from kull_router.broker.memory_server import MemoryServer
from kull_router.queues.memory import MemoryState
from tests.unit.router.rigs import SHARDS, Rig, running

SECRET = "s" * 32
FAR = 2**31


def token(user: str, **claims: Any) -> str:
    return jwt.encode({"sub": user, "exp": FAR, **claims}, SECRET, algorithm="HS256")


def verifier() -> TokenVerifier:
    return TokenVerifier(SECRET, allow_plain=True, max_ttl=FAR)


async def watch(rig: Rig, users: list[str], shown: str, session: int = 1) -> pb.Statuses:
    request = pb.Watch(request_id=5, session_id=session, token=shown, user_ids=users)
    await rig.core.receive(rig.edge, pb.AttachRequest(watch=request))
    statuses = await rig.frame("statuses")
    assert statuses.request_id == 5
    return statuses  # type: ignore[no-any-return]


def online(statuses: pb.Statuses) -> dict[str, bool]:
    return {each.user_id: each.online for each in statuses.users}


async def settled(rig: Rig) -> None:
    await asyncio.sleep(0.3)  # a grace of the rig, and a look


async def test_who_is_there_is_told_at_once_and_then_whoever_comes_and_goes() -> None:
    async with running(verifier=verifier()) as rig:
        await settled(rig)
        await rig.subscribe(2, "otto:mac")
        first = await watch(rig, ["otto", "anna"], token("maya", contacts=["otto", "anna"]))
        assert online(first) == {"otto": True, "anna": False}
        assert first.users[0].last_seen > 0
        assert not first.forbidden

        await rig.subscribe(3, "anna:phone")
        came = await rig.frame("statuses")
        assert online(came) == {"anna": True} and came.request_id == 0
        assert came.users[0].generation.counter > first.users[1].generation.counter

        unsubscribe = pb.Unsubscribe(session_id=3, address="user:anna")
        await rig.core.receive(rig.edge, pb.AttachRequest(unsubscribe=unsubscribe))
        left = await rig.frame("statuses")
        assert online(left) == {"anna": False}
        assert left.users[0].last_seen > 0


async def test_who_is_no_contact_and_in_no_common_room_is_refused_and_not_told_of() -> None:
    async with running(verifier=verifier()) as rig:
        await settled(rig)
        await rig.subscribe(2, "otto:mac")
        answer = await watch(rig, ["otto", "anna"], token("maya", contacts=["anna"]))
        assert list(answer.forbidden) == ["otto"]
        assert list(online(answer)) == ["anna"]
        assert "otto" not in rig.core.status.watches.watchers.of_shard(
            rig.core.shards.of("user:otto").number
        )


@pytest.mark.parametrize(
    ("rights", "allowed"), [(["read", "presence"], True), (["read", "write"], False)]
)
async def test_a_common_room_is_enough_with_the_right_to_see_who_is_there(
    rights: list[str], allowed: bool
) -> None:
    async with running(verifier=verifier()) as rig:
        await settled(rig)
        mine = token("otto", device="mac", rooms=["wedding"])
        for address in ("user:otto", "room:wedding"):
            request = pb.Subscribe(
                session_id=2, address=address, token=mine, device=pb.Device(device_id="mac")
            )
            await rig.core.receive(rig.edge, pb.AttachRequest(subscribe=request))
            assert (await rig.frame("subscribed")).address == address
        answer = await watch(rig, ["otto"], token("maya", rooms={"wedding": rights}))
        assert list(answer.forbidden) == ([] if allowed else ["otto"])
        assert online(answer) == ({"otto": True} if allowed else {})


async def test_a_token_that_grants_less_ends_a_watch_at_once() -> None:
    async with running(verifier=verifier()) as rig:
        await settled(rig)
        await watch(rig, ["otto"], token("maya", contacts=["otto"]))
        answer = await watch(rig, ["otto"], token("maya"))
        assert list(answer.forbidden) == ["otto"]
        assert len(rig.core.status.watches.watchers) == 0


async def test_nobody_watches_with_a_token_that_is_none() -> None:
    async with running(verifier=verifier()) as rig:
        answer = await watch(rig, ["otto"], "a.b.c")
        assert answer.error and not answer.users
        assert len(rig.core.status.watches.watchers) == 0


async def test_a_new_owner_says_nothing_of_who_may_still_come_back() -> None:
    server, state = MemoryServer(), MemoryState(shard_count=SHARDS)
    shown = token("maya", contacts=["otto", "anna"])
    async with running(server, state, verifier=verifier()) as rig:
        await settled(rig)
        await rig.subscribe(2, "otto:mac")
        await rig.subscribe(3, "anna:mac")
    async with running(server, state, verifier=verifier(), presence_grace=1.0) as rig:
        answer = await watch(rig, ["otto", "anna"], shown)
        assert online(answer) == {}, "neither has come back yet, and neither is gone"
        again = pb.Generation(term=1, counter=1)
        await rig.subscribe(2, "otto:mac", generation=again)
        assert online(await rig.frame("statuses")) == {"otto": True}
        # Settled: now of the one who stayed away too.
        assert online(await rig.frame("statuses")) == {"otto": True, "anna": False}


async def test_a_common_room_is_not_denied_before_all_have_come_back() -> None:
    async with running(verifier=verifier(), presence_grace=0.5) as rig:
        answer = await watch(rig, ["otto"], token("maya", rooms=["wedding"]))
        assert not answer.forbidden and not answer.users
        mine = token("otto", device="mac", rooms=["wedding"])
        for address in ("user:otto", "room:wedding"):
            request = pb.Subscribe(
                session_id=2, address=address, token=mine, device=pb.Device(device_id="mac")
            )
            await rig.core.receive(rig.edge, pb.AttachRequest(subscribe=request))
        assert online(await rig.frame("statuses")) == {"otto": True}


async def test_an_edge_that_is_gone_watches_no_more() -> None:
    async with running(verifier=verifier()) as rig:
        await settled(rig)
        await watch(rig, ["otto"], token("maya", contacts=["otto"]))
        rig.core.close_stream(rig.edge)
        assert len(rig.core.status.watches.watchers) == 0
