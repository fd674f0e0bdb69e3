"""How the deployment stands: what all routers answered, as one. PURE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from kull_protos.contract import close_codes
from kull_protos.mesh.v1 import admin_pb2 as pb

Answers = Mapping[str, pb.OverviewResponse]  # by the router's host:port


def snapshot(answers: Answers, silent: Mapping[str, str], *, took_ms: float) -> dict[str, Any]:
    """Return what the overview shows. Moments are milliseconds since the Unix epoch.

    `silent`: routers that did not answer, and why; `took_ms`: how long asking took.
    """
    given = list(answers.values())
    backlogs = [each.backlog for each in given if each.HasField("backlog")]
    return {
        "at": max((each.now for each in given), default=0),
        "tookMs": round(took_ms, 1),
        "routers": [_router(target, each) for target, each in answers.items()],
        "silent": dict(silent),
        "edges": _edges(given),
        "sessions": sum(each.sessions for each in given),
        "shards": _shards(given),
        "backlog": _backlog(backlogs[0]) if backlogs else None,
        "deadWaiting": _most(each.dead_waiting for each in given if each.HasField("dead_waiting")),
        "unroutedWaiting": _most(
            each.unrouted_waiting for each in given if each.HasField("unrouted_waiting")
        ),
        "unaddressed": dict(_sum(each.counters.unaddressed for each in given).most_common(20)),
    }


def code_name(code: int) -> str:
    """Return what a close code is called; 0: a router asked to try again."""
    known = close_codes.find(code)
    return known.label if known else "try again" if code == 0 else ""


def _router(target: str, answer: pb.OverviewResponse) -> dict[str, Any]:
    node = answer.router
    return {
        "id": node.router_id,
        "target": target,
        "version": node.version,
        "shards": [each.shard for each in node.owned],
        "shardCount": node.shard_count,
        "sessions": answer.sessions,
        "startedAt": answer.started_at,
        "broker": _health(answer.broker),
        "store": _health(answer.store),
        "counters": {
            "stored": answer.counters.stored,
            "duplicates": answer.counters.duplicates,
            "stale": answer.counters.stale,
            "pushes": answer.counters.pushes,
            "gaps": answer.counters.gaps,
            "deadLetters": answer.counters.dead_letters,
            "readdressed": answer.counters.readdressed,
        },
    }


def _health(health: pb.Health) -> dict[str, Any]:
    return {
        "ok": health.ok,
        "problem": health.problem or ("blocked: short of memory or disk" if health.blocked else ""),
        "ms": round(health.micros / 1000, 2) if health.micros else None,
    }


def _edges(answers: Iterable[pb.OverviewResponse]) -> list[dict[str, Any]]:
    """An edge is attached to several routers, each of which knows a part of its sessions."""
    edges: dict[str, dict[str, Any]] = {}
    for answer in answers:
        for each in answer.edges:
            edge = edges.setdefault(
                each.node_id,
                {
                    "id": each.node_id,
                    "version": each.version,
                    "sessions": 0,
                    "waitingBytes": 0,
                    "attachedAt": each.attached_at,
                    "routers": [],
                },
            )
            edge["sessions"] += each.sessions
            edge["waitingBytes"] += each.send_queue_bytes
            edge["attachedAt"] = max(edge["attachedAt"], each.attached_at)
            edge["routers"].append(answer.router.router_id)
    return [edges[name] for name in sorted(edges)]


def _shards(answers: Iterable[pb.OverviewResponse]) -> dict[str, Any]:
    """Return how many shards there are, and which nobody owns."""
    count, owned = 0, set[int]()
    for answer in answers:
        count = max(count, answer.router.shard_count)
        owned |= {each.shard for each in answer.router.owned}
    return {"count": count, "unowned": sorted(set(range(count)) - owned)}


def _backlog(found: pb.Backlog) -> dict[str, Any]:
    return {"devices": found.devices, "positions": found.positions, "partial": found.partial}


def _most(numbers: Iterable[int]) -> int | None:
    """Routers look at the same queues, at different moments."""
    return max(numbers, default=None)


def _sum(counted: Iterable[Mapping[Any, int]]) -> Counter[Any]:
    total = Counter[Any]()
    for each in counted:
        total.update(each)
    return total
