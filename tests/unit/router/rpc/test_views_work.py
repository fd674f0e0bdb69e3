"""Whoever looks at a router does not stop it: what a question costs, in lines that are run."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_router.delivery.session_key import SessionKey
from kull_router.delivery.subscriptions import AT_ONCE, Subscription
from kull_router.metrics import RouterMetrics
from kull_router.queues.port import DeviceInfo
from kull_router.rpc.admin_service import AdminService
from tests.unit.router.rigs import Rig, running

CONTEXT: Any = None
FEW, MANY = 100, 6_000
PER_SESSION = 15  # lines for a session that is looked at, at most


class Lines:
    """How many lines were run: in all, and at most between two turns of the event loop."""

    def __init__(self) -> None:
        self.all = self.longest = self._turn = 0

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            self.all += 1
            self._turn += 1
        return self

    def turn(self) -> None:
        self.longest, self._turn = max(self.longest, self._turn), 0


@contextmanager
def counted() -> Iterator[Lines]:
    lines, before = Lines(), sys.gettrace()
    sys.settrace(lines)
    try:
        yield lines
    finally:
        sys.settrace(before)


async def cost(ask: Callable[[], Awaitable[Any]]) -> Lines:
    async def ticking() -> None:
        while True:
            await asyncio.sleep(0)
            lines.turn()

    with counted() as lines:
        ticks = asyncio.create_task(ticking(), name="ticks")
        await asyncio.sleep(0)
        await ask()
        lines.turn()
        ticks.cancel()
    return lines


def crowd(rig: Rig, count: int) -> None:
    """Let so many devices be here: each follows its user's queue, `all` and a room of its own."""
    for number in range(count):
        info = DeviceInfo(user=f"user-{number:06}", device="mac")
        key = SessionKey(rig.edge.number, number + 1)
        rig.core.sessions.registry.register(key, info, shard=0, term=1, now_ms=0, opened_ms=0)
        for address in (f"user:{info.user}", "all", f"room:{number:06}"):
            rig.core.subscriptions.add(Subscription(key=key, address=address, shard=0, info=info))


def questions(rig: Rig) -> dict[str, Callable[[], Awaitable[Any]]]:
    admin = AdminService(rig.core)
    metrics = RouterMetrics(rig.core)

    async def scraped() -> None:
        for each in metrics.measures:
            each.read()

    return {
        "overview": lambda: admin.Overview(pb.OverviewRequest(), CONTEXT),
        "nodes": lambda: admin.ListNodes(pb.ListNodesRequest(), CONTEXT),
        "sessions": lambda: admin.ListSessions(pb.ListSessionsRequest(limit=10), CONTEXT),
        "a user's sessions": lambda: admin.ListSessions(
            pb.ListSessionsRequest(user_id="user-000007"), CONTEXT
        ),
        "rooms": lambda: admin.ListRooms(pb.ListRoomsRequest(limit=10), CONTEXT),
        "who is in a room": lambda: admin.ListFollowers(
            pb.ListFollowersRequest(address="room:000007"), CONTEXT
        ),
        "who follows a user": lambda: admin.ListFollowers(
            pb.ListFollowersRequest(address="user:user-000007"), CONTEXT
        ),
        "metrics": scraped,
    }


async def test_what_a_question_costs_does_not_grow_with_the_sessions() -> None:
    costs: list[dict[str, int]] = []
    for count in (FEW, MANY):
        async with running() as rig:
            crowd(rig, count)
            costs.append({name: (await cost(ask)).all for name, ask in questions(rig).items()})

    few, many = costs
    # Besides what else goes on in a router meanwhile.
    assert {name: many[name] for name in many if many[name] > few[name] + MANY / 2} == {}


async def test_who_asks_for_all_that_follow_something_lets_others_have_their_turn() -> None:
    async with running() as rig:
        crowd(rig, MANY)
        admin = AdminService(rig.core)
        found: list[pb.ListFollowersResponse] = []

        async def ask() -> None:
            request = pb.ListFollowersRequest(address="all", limit=3)
            found.append(await admin.ListFollowers(request, CONTEXT))

        lines = await cost(ask)

    assert found[0].all == MANY
    assert [each.user_id for each in found[0].sessions] == [f"user-{n:06}" for n in range(3)]
    assert lines.all > MANY, "all were looked at"
    assert lines.longest < AT_ONCE * PER_SESSION


async def test_the_look_for_expired_tokens_lets_others_have_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running() as rig:
        crowd(rig, MANY)
        monkeypatch.setattr("kull_router.sessions.enforcement.SWEEP", 0.0)
        looked = 0
        closes_ms = rig.core.enforcement._authority.closes_ms

        def noted(claims: Any) -> int:
            nonlocal looked
            looked += 1
            return closes_ms(claims)

        monkeypatch.setattr(rig.core.enforcement._authority, "closes_ms", noted)
        sweep = asyncio.create_task(rig.core.enforcement.run_expiry(), name="sweep")

        async def ask() -> None:
            while looked < 3 * MANY:
                await asyncio.sleep(0)

        lines = await cost(ask)
        sweep.cancel()

    assert lines.longest < AT_ONCE * 3 * PER_SESSION
