"""RabbitMQ: in reach, with all that should be there, and somebody who takes it. PURE."""

from __future__ import annotations

from typing import Final

from kull_mesh.doctor.facts import Facts, RabbitSeen
from kull_mesh.doctor.findings import Finding, Findings
from kull_producers.events import topology

MANY: Final = 10_000  # messages that wait for one consumer


def check(facts: Facts) -> list[Finding]:
    """Look at the topology as `kull_router.broker.layout` has it."""
    found, seen = Findings("rabbitmq"), facts.rabbit
    if seen is None:
        found.skipped("the broker is in memory: events that are not stored die with the process")
        return found.all
    if seen.problem:
        found.error(f"RabbitMQ: {seen.problem}", "start it, or mend KULL_AMQP_URL")
        return found.all
    for alarm in seen.alarms:
        found.error(f"RabbitMQ takes nothing: {alarm}", "make room, it goes on by itself")
    _there(seen, facts.configured.shard_count, found)
    _taken(seen, found)
    if not found.all:
        found.fine("reachable, every exchange and queue is there, and shards have a consumer")
    return found.all


def _there(seen: RabbitSeen, shard_count: int, found: Findings) -> None:
    mark = topology.shard_count_mark(shard_count)
    if topology.SHARDS in seen.missing:
        found.error(
            "no router has ever worked in this virtual host", "start a router: it makes all of it"
        )
        return
    if mark in seen.missing:
        found.error(
            f"this deployment has not {shard_count} shards",
            "set KULL_SHARD_COUNT as its routers do",
        )
        return
    if seen.missing:
        found.error(
            f"missing: {', '.join(seen.missing)}",
            "a running router makes it again (KULL_TOPOLOGY_INTERVAL); find out who deletes it",
        )
    if seen.refused:
        found.error(
            f"the account may not look at {', '.join(seen.refused)}",
            "give it the rights that `kull definitions` prints",
        )
    if seen.unbound:
        found.error(
            f"no route {', '.join(seen.unbound)}: events do not arrive",
            "a running router binds it again (KULL_TOPOLOGY_INTERVAL); find out who unbinds it",
        )


def _taken(seen: RabbitSeen, found: Findings) -> None:
    shards = {name: count for name, count in seen.consumers.items() if name.startswith("kull.rout")}
    idle = sorted(name for name, count in shards.items() if not count)
    if idle:
        found.error(f"nobody consumes {', '.join(idle)}", "start a router, see `kull nodes`")
    behind = {name: count for name, count in seen.waiting.items() if count > MANY}
    for name, count in sorted(behind.items()):
        if name != topology.DEAD:
            found.warning(f"{count} messages wait in {name}", "is its router slow, or the store?")
    if dead := seen.waiting.get(topology.DEAD, 0):
        found.warning(
            f"{dead} dead letters lie in {topology.DEAD}",
            "its header kull-reason says why: mend the publisher, then purge or publish them again",
        )
