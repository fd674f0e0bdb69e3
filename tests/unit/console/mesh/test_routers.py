"""Who is asked when a router gives no answer: another one, but nothing is done twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from kull_console.errors import OutcomeUnknown, RouterAway, RouterRefuses
from kull_console.measures import ConsoleMeasures
from kull_console.mesh.routers import Routers
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1 import admin_pb2_grpc
from tests.support.ports import free_port

OUTCOMES = ("answered", "refused", "away", "unknown")
REQUEST = pb.SendTestEventRequest(user_id="maya")
SOON = 0.3  # seconds
MEASURES = ConsoleMeasures(listeners=lambda: 0)


class Router(admin_pb2_grpc.AdminServiceServicer):
    """Answers, refuses with a code, or never answers (None)."""

    def __init__(self, name: str, code: grpc.StatusCode | None = grpc.StatusCode.OK) -> None:
        self.name, self.code = name, code
        self.asked = 0

    async def SendTestEvent(self, request: Any, context: Any) -> pb.SendTestEventResponse:
        self.asked += 1
        if self.code is None:
            await asyncio.Event().wait()
        elif self.code is not grpc.StatusCode.OK:
            await context.abort(self.code, "because")
        return pb.SendTestEventResponse(event_id=self.name)


@asynccontextmanager
async def serving(*routers: Router | None) -> AsyncIterator[Routers]:
    """Serve them; None: nobody listens there."""
    targets, servers = [], []
    for router in routers:
        if router is None:
            targets.append(f"127.0.0.1:{free_port()}")
            continue
        server = grpc.aio.server()
        admin_pb2_grpc.add_AdminServiceServicer_to_server(router, server)
        targets.append(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        await server.start()
        servers.append(server)
    try:
        made = Routers(targets, grpc.aio.insecure_channel, measures=MEASURES, clock=time.monotonic)
        async with made as asked:
            yield asked
    finally:
        for server in servers:
            await server.stop(0)


async def once(routers: Routers) -> str:
    return str((await routers.once("SendTestEvent", REQUEST, deadline=SOON)).event_id)


async def any_(routers: Routers) -> str:
    return str((await routers.any("SendTestEvent", REQUEST, deadline=SOON)).event_id)


@pytest.mark.parametrize("code", [None, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN])
async def test_what_may_have_been_done_is_not_asked_of_another_router(
    code: grpc.StatusCode | None,
) -> None:
    first, second = Router("r-1", code), Router("r-2")
    async with serving(first, second) as routers:
        with pytest.raises(OutcomeUnknown):
            await once(routers)
        assert (first.asked, second.asked) == (1, 0)

        assert await once(routers) == "r-2", "who hangs is asked last, when it is asked again"


@pytest.mark.parametrize(
    "first",
    [
        None,
        Router("r-1", grpc.StatusCode.UNIMPLEMENTED),
        Router("r-1", grpc.StatusCode.FAILED_PRECONDITION),
    ],
)
async def test_what_has_certainly_not_arrived_is_asked_of_the_next_router(
    first: Router | None,
) -> None:
    async with serving(first, Router("r-2")) as routers:
        assert await once(routers) == "r-2"


@pytest.mark.parametrize("code", [None, grpc.StatusCode.UNAVAILABLE])
async def test_what_may_be_done_twice_is_asked_until_one_answers(
    code: grpc.StatusCode | None,
) -> None:
    async with serving(Router("r-1", code), None, Router("r-3")) as routers:
        assert await any_(routers) == "r-3"


async def test_when_nobody_answers_it_is_told_whether_one_may_have_done_it() -> None:
    async with serving(None, Router("r-2", None)) as routers:
        with pytest.raises(OutcomeUnknown, match="no connection"):
            await any_(routers)
    async with serving(None, None) as routers:
        for ask in (any_, once):
            with pytest.raises(RouterAway) as away:
                await ask(routers)
            assert not isinstance(away.value, OutcomeUnknown)


async def test_calls_are_counted_by_outcome() -> None:
    before = {outcome: MEASURES.router_calls.get(outcome) for outcome in OUTCOMES}
    calls = MEASURES.router_call_seconds.count
    async with serving(None, Router("r-2", None), Router("r-3")) as routers:
        await any_(routers)
    async with serving(Router("r-1", grpc.StatusCode.INVALID_ARGUMENT)) as routers:
        with pytest.raises(RouterRefuses):
            await any_(routers)

    grown = {outcome: MEASURES.router_calls.get(outcome) - before[outcome] for outcome in OUTCOMES}
    assert grown == dict.fromkeys(OUTCOMES, 1)
    assert MEASURES.router_call_seconds.count == calls + 4


async def test_a_refusal_is_final() -> None:
    second = Router("r-2")
    async with serving(Router("r-1", grpc.StatusCode.INVALID_ARGUMENT), second) as routers:
        with pytest.raises(RouterRefuses, match="because"):
            await any_(routers)
    assert second.asked == 0
