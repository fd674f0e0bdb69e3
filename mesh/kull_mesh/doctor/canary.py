"""A canary: one event through producer, RabbitMQ, router, edge and WebSocket, and back.

It belongs to a user of its own, so that nobody's devices see it: a shoot that is completed at once,
of which the newest is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from kull_client import SyncClient, SyncError
from kull_mesh.doctor.findings import Finding, Findings
from kull_mesh.doctor.look.nodes import NOBODY, UNREACHABLE
from kull_mesh.doctor.target import Target
from kull_mesh.errors import MeshError
from kull_mesh.http_trigger import post
from kull_mesh.routers import DEADLINE, admin
from kull_mesh.secrets import Keys, device_token
from kull_producers import ShootProgress, connect
from kull_producers.errors import KullError
from kull_producers.events.audience import Whom
from kull_protos.common.flight_recorder import Kind
from kull_protos.mesh.v1.admin_pb2 import ExplainRequest, ExplainResponse

WITHIN: Final = 15.0  # seconds for all of it
NOTED_WITHIN: Final = 5.0  # seconds for routers to write a position, see KULL_CURSOR_FLUSH
TTL: Final = 120.0  # seconds
LOOK_EVERY: Final = 0.1  # seconds


HOPS: Final = (
    "connect",
    "RabbitMQ confirms",
    "router stores",
    "device has it",
    "router knows",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A part of the way. `seconds`: since the one before; None: it is not known."""

    name: str
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """How it went. `problem`: what has not happened in time; then `do` says what to do."""

    hops: tuple[Hop, ...] = ()
    event_id: str = ""
    problem: str = ""
    do: str = ""

    def findings(self) -> list[Finding]:
        """Return it as a finding."""
        found = Findings("canary")
        if self.problem:
            found.error(self.problem, self.do)
        else:
            known = [
                f"{each.name} {1e3 * each.seconds:.0f} ms" for each in self.hops if each.seconds
            ]
            found.fine(f"arrived and acknowledged: {', '.join(known)}")
        return found.all


async def fly(target: Target, keys: Keys, *, token: str = "") -> Flight:
    """Send one and follow it. `token`: of a device of the user that listens; empty: one is signed.

    The target has an edge to listen at, and RabbitMQ or HTTP to publish by.
    """
    token = token or device_token(keys, user=NOBODY, platform="doctor", ttl=TTL)
    step = _Step()
    try:
        async with asyncio.timeout(WITHIN):
            return await _follow(target, token, step)
    except TimeoutError:
        return Flight(problem=f"{step.now} took more than {WITHIN:.0f} s", do=step.do)
    except (SyncError, KullError, MeshError, OSError) as error:
        return Flight(problem=f"{step.now} failed: {error}", do=step.do)


class _Step:
    """What is being done."""

    def __init__(self) -> None:
        self.now = self.do = ""

    def begin(self, what: str, do: str) -> float:
        """Note it, and return when it began."""
        self.now, self.do = what, do
        return time.time()


async def _follow(target: Target, token: str, step: _Step) -> Flight:
    began = step.begin("connecting to the edge", "`kull nodes`: is it attached, are shards owned?")
    async with SyncClient(target.edges[0], token, max_attempts=1) as client:
        user, connected = client.user_id, time.time()
        step.begin("publishing", "look at RabbitMQ and the publisher's account")
        sent = time.time()
        event_id = await _publisher(target)(_event(), user)
        confirmed = time.time()
        step.begin("waiting for it on the WebSocket", f"`kull why {event_id}` says where it is")
        async for event in client:
            if event.id == event_id:
                break
        arrived = time.time()
    step.begin("waiting for its acknowledgement", f"`kull why {event_id}` says where it is")
    told = await _noted(target, event_id, user, client.device_id)
    stored = _stored(told, event_id, sent=sent, arrived=arrived) if told else None
    took = (
        connected - began,
        confirmed - sent,
        stored and stored - sent,
        arrived - sent,
        time.time() - arrived if told else None,
    )
    hops = [Hop(name=name, seconds=seconds) for name, seconds in zip(HOPS, took, strict=True)]
    return Flight(hops=tuple(hops), event_id=event_id)


def _event() -> ShootProgress:
    return ShootProgress(
        shoot_id="canary",
        status="completed",
        processed_count=1,
        total_count=1,
        provider="kull doctor",
    )


def _publisher(target: Target) -> Callable[[ShootProgress, str], Awaitable[str]]:
    """Return what publishes, as this environment would."""
    if not target.amqp_url:
        return lambda event, user: asyncio.to_thread(
            post, target.http, event, Whom(user_id=user), None
        )

    async def publish(event: ShootProgress, user: str) -> str:
        shards = target.router.shard_count
        async with connect(target.amqp_url, shard_count=shards, app_id="kull-doctor") as publisher:
            return await publisher.publish(event, user_id=user)

    return publish


async def _noted(
    target: Target, event_id: str, user: str, device: str
) -> list[ExplainResponse] | None:
    """Wait until a router has the acknowledgement; None: no router may be asked."""
    ends = time.monotonic() + NOTED_WITHIN
    while True:
        answers = await asyncio.to_thread(partial(_explain, target, event_id, user))
        if not answers:
            return None
        for fact in (fact for each in answers for fact in each.facts):
            if fact.kind == Kind.ACKNOWLEDGED and fact.device_id == device:
                return answers
        if time.monotonic() > ends:
            raise TimeoutError
        await asyncio.sleep(LOOK_EVERY)


def _explain(target: Target, event_id: str, user: str) -> list[ExplainResponse]:
    answers: list[ExplainResponse] = []
    for each in target.routers:
        try:
            with admin(each) as stub:
                request = ExplainRequest(event_id=event_id, user_id=user)
                answers.append(stub.Explain(request, timeout=DEADLINE))
        except UNREACHABLE:
            continue  # the check of the nodes says so
    return answers


def _stored(
    answers: list[ExplainResponse], event_id: str, *, sent: float, arrived: float
) -> float | None:
    """Return when it was stored, if the router's clock makes sense beside ours."""
    for answer in answers:
        for trace in answer.traces:
            at = trace.stored_at / 1000
            if sent - 0.001 <= at <= arrived:
                return max(at, sent)
    return None
