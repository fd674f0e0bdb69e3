"""Looks at routers, edges and gateways, from where it runs."""

from __future__ import annotations

import time
from typing import Final

from kull_edge.errors import EdgeError
from kull_mesh.doctor.facts import ClockSeen, HopSeen, RouterSeen
from kull_mesh.doctor.look.http import get
from kull_mesh.doctor.target import Target
from kull_mesh.errors import MeshError
from kull_mesh.routers import DEADLINE, admin
from kull_protos.mesh.v1.admin_pb2 import (
    ExplainRequest,
    ExplainResponse,
    ListNodesRequest,
    ListNodesResponse,
)

READY: Final = "/readyz"
UNREACHABLE: Final = (MeshError, EdgeError)  # the second: its certificate cannot be read
NOBODY: Final = "kull-doctor"  # the canary's user, who has no other device


def routers(target: Target) -> list[RouterSeen]:
    """Ask each router for itself and its edges."""
    return [_router(each) for each in target.routers]


def _router(target: str) -> RouterSeen:
    try:
        with admin(target) as stub:
            answer: ListNodesResponse = stub.ListNodes(ListNodesRequest(), timeout=DEADLINE)
    except UNREACHABLE as error:
        return RouterSeen(target=target, problem=str(error))
    node = answer.router
    return RouterSeen(
        target=target,
        name=node.router_id,
        version=node.version,
        epoch=node.epoch,
        shard_count=node.shard_count,
        owned=[each.shard for each in node.owned],
        has_broker=node.broker_connected,
        edges=sorted(each.node_id for each in answer.edges),
    )


def clocks(target: Target) -> list[ClockSeen]:
    """Read the clocks of the routers, and by them those of their edges."""
    found: dict[str, ClockSeen] = {}
    for each in target.routers:
        for seen in _clocks(each):
            found.setdefault(seen.whose, seen)
    return list(found.values())


def _clocks(target: str) -> list[ClockSeen]:
    began = time.time()
    try:
        with admin(target) as stub:
            asked = ExplainRequest(user_id=NOBODY)
            answer: ExplainResponse = stub.Explain(asked, timeout=DEADLINE)
    except UNREACHABLE as error:
        return [ClockSeen(whose=f"router {target}", problem=str(error))]
    ended = time.time()
    ahead, within = answer.now / 1000 - (began + ended) / 2, (ended - began) / 2
    edges = [
        # What an edge's facts are moved by to bear the router's time, its clock is behind by.
        ClockSeen(whose=f"edge {edge}", ahead=ahead - shift / 1000, within=within)
        for edge, shift in sorted(answer.shifts.items())
    ]
    return [ClockSeen(whose=f"router {target}", ahead=ahead, within=within), *edges]


def hops(target: Target) -> list[HopSeen]:
    """Ask edges and the gateway whether they are ready."""
    found = [
        _hop("edge", url.rpartition("/ws")[0].replace("ws", "http", 1)) for url in target.edges
    ]
    if target.http and target.http.rstrip("/") not in {each.url for each in found}:
        found.append(_hop("gateway", target.http.rstrip("/")))
    return found


def _hop(what: str, url: str) -> HopSeen:
    got = get(f"{url}{READY}")
    problem = got.problem or ("" if got.status == 200 else f"not ready: it answers {got.status}")
    return HopSeen(what=what, url=url, problem=problem)
