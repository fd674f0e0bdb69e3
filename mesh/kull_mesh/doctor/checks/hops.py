"""Routers, edges and gateways: in reach, ready, and of one deployment. PURE."""

from __future__ import annotations

from collections.abc import Sequence

from kull_mesh.doctor.facts import Facts, RouterSeen
from kull_mesh.doctor.findings import Finding, Findings


def check(facts: Facts) -> list[Finding]:
    """Look at each hop, and at the routers together."""
    found = Findings("nodes")
    for seen in facts.routers:
        if seen.problem:
            found.error(
                f"router {seen.target}: {seen.problem}",
                "start it, or mend KULL_EDGE_ROUTERS; with TLS it takes a viewer's certificate",
            )
        elif not seen.has_broker:
            found.error(f"router {seen.name} has no RabbitMQ", "look at its log and KULL_AMQP_URL")
    living = [each for each in facts.routers if not each.problem]
    if living:
        _together(living, facts, found)
    for hop in facts.hops:
        if hop.problem:
            found.error(f"{hop.what} {hop.url}: {hop.problem}", "start it, or look at its log")
    if not found.all:
        edges = {name for each in living for name in each.edges}
        hops = f", {len(facts.hops)} answer HTTP" if facts.hops else ""
        found.fine(f"{len(living)} routers own all shards, {len(edges)} edges are attached{hops}")
    return found.all


def _together(living: Sequence[RouterSeen], facts: Facts, found: Findings) -> None:
    for seen in living:
        if seen.shard_count != facts.configured.shard_count:
            found.error(
                f"router {seen.name} has {seen.shard_count} shards, "
                f"{facts.configured.shard_count} are configured here",
                "KULL_SHARD_COUNT must be the same everywhere",
            )
    shards = set(range(max(each.shard_count for each in living)))
    free = shards - {shard for each in living for shard in each.owned}
    if free:
        found.error(
            f"{len(free)} of {len(shards)} shards have no owner: their devices get nothing new",
            "start a router, or name all of them in KULL_EDGE_ROUTERS",
        )
    if len({each.epoch for each in living}) > 1:
        found.error("the routers do not share one store", "give them the same KULL_DATABASE_URL")
    versions = {each.version for each in living} | {facts.version}
    if len(versions) > 1:
        found.warning(
            f"several versions are in use: {', '.join(sorted(versions))}",
            "end the upgrade: routers first, then gateways and publishers",
        )
    edges = [set(each.edges) for each in living]
    if not any(edges):
        found.error("no edge is attached to any router", "start `kull edge`")
    elif len(set(map(frozenset, edges))) > 1:
        found.warning(
            "not every edge is attached to every router", "name all routers in KULL_EDGE_ROUTERS"
        )
