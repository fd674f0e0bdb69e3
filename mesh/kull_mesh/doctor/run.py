"""One whole look: facts, checks, canary."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from kull_mesh import __version__, secrets
from kull_mesh.doctor.canary import Flight, fly
from kull_mesh.doctor.checks.all import findings
from kull_mesh.doctor.facts import ClockSeen, Facts
from kull_mesh.doctor.findings import Finding, Findings, Severity
from kull_mesh.doctor.look import machine, nodes, rabbitmq, store
from kull_mesh.doctor.look.rabbitmq_api import Api
from kull_mesh.doctor.target import Target
from kull_mesh.errors import MeshError
from kull_router.broker.amqp import AmqpUrl
from kull_router.errors import RouterError


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look has found. `flight`: None if no canary was sent."""

    findings: list[Finding]
    flight: Flight | None = None


async def look(target: Target, *, canary: bool, token: str = "") -> Look:
    """Look at everything, then send a canary if settings make sense."""
    found = list(findings(await _facts(target)))
    wrong = any(each.check == "settings" and each.severity is Severity.ERROR for each in found)
    if not canary or wrong:
        return Look(findings=found)
    if lacking := _lacking(target):
        told = Findings("canary")
        told.skipped(*lacking)
        return Look(findings=[*found, *told.all])
    try:
        keys = secrets.load(target.mesh)
    except MeshError as error:
        flight = Flight(problem=str(error), do="--token gives the canary a device token")
    else:
        flight = await fly(target, keys, token=token)
    return Look(findings=[*found, *flight.findings()], flight=flight)


def _lacking(target: Target) -> tuple[str, str] | None:
    """Return what keeps a canary here, and what to do; None: it may fly."""
    if not target.edges:
        return "not sent: no edge is named to listen at", "--edge wss://…/ws names one"
    if not target.amqp_url and not target.http:
        return "not sent: nothing to publish by", "--http names a gateway, KULL_AMQP_URL RabbitMQ"
    return None


async def _facts(target: Target) -> Facts:
    # Threads: each of them waits for somebody else.
    (
        rabbit,
        (seen_store, database_clock),
        routers,
        hops,
        node_clocks,
        broker_clock,
    ) = await asyncio.gather(
        rabbitmq.look(target),
        asyncio.to_thread(store.look, target),
        asyncio.to_thread(nodes.routers, target),
        asyncio.to_thread(nodes.hops, target),
        asyncio.to_thread(nodes.clocks, target),
        asyncio.to_thread(_broker_clock, target),
    )
    return Facts(
        configured=target.configured(),
        now=machine.now(),
        version=__version__,
        clocks=[*broker_clock, *database_clock, *node_clocks],
        certificates=machine.certificates(target),
        rabbit=rabbit,
        store=seen_store,
        routers=routers,
        hops=hops,
        disks=machine.disks(target),
        descriptors=machine.descriptors(),
    )


def _broker_clock(target: Target) -> list[ClockSeen]:
    try:
        return Api(target.rabbitmq_api, AmqpUrl.parse_each(target.amqp_url)[0]).clock()
    except RouterError:
        return []
