"""Rows of the page's tables, of what routers answer. PURE.

Moments are milliseconds since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kull_protos.mesh.v1 import admin_pb2 as pb


def queue(found: pb.Queue | None) -> dict[str, Any] | None:
    """Return a queue's figures, None if nothing was ever stored there."""
    if found is None:
        return None
    return {
        "address": found.address,
        "shard": found.shard,
        "head": found.head,
        "floor": found.floor,
        "entries": found.entries,
    }


def devices(
    known: Iterable[pb.KnownDevice], queue: pb.Queue | None, edges: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return a user's devices, each once however many routers tell of it, in order of their ids.

    edges: by device, the edge that has its session.
    """
    rows: dict[str, dict[str, Any]] = {}
    for each in known:
        device = each.device
        row = rows.setdefault(
            device.device_id,
            {
                "device": device.device_id,
                "name": device.name,
                "platform": device.platform,
                "ephemeral": device.ephemeral,
                "connected": False,
                "edge": edges.get(device.device_id, ""),
                "cursor": each.cursor,
                "behind": _behind(each, queue),
                "since": each.behind_since if each.HasField("behind_since") else None,
                "lastSeen": each.last_seen,
            },
        )
        row["connected"] = row["connected"] or each.connected
        row["lastSeen"] = max(row["lastSeen"], each.last_seen)
    return [rows[name] for name in sorted(rows)]


def entry(found: pb.QueueEntry, known: Sequence[pb.KnownDevice]) -> dict[str, Any]:
    """Return an entry, with the devices that have acknowledged it, or still have to."""
    asked = [
        each
        for each in known
        if each.follows
        and each.initial_head < found.seq
        and each.device.device_id != found.exclude_device_id
    ]
    return {
        "seq": found.seq,
        "id": found.event_id,
        "type": found.type,
        "service": found.service,
        "contract": found.contract,
        "key": found.key,
        "final": found.final,
        "storedAt": found.stored_at,
        "size": found.size,
        "acknowledgedBy": [each.device.device_id for each in asked if each.cursor >= found.seq],
        "waitingFor": [each.device.device_id for each in asked if each.cursor < found.seq],
    }


def behind(answers: Iterable[pb.ListBehindResponse]) -> list[dict[str, Any]]:
    """Return the devices that are furthest behind, that first; routers read one store."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for answer in answers:
        for each in answer.devices:
            device = each.device.device
            row = rows.setdefault(
                (each.user_id, device.device_id),
                {
                    "user": each.user_id,
                    "device": device.device_id,
                    "name": device.name,
                    "behind": each.behind,
                    "since": each.since if each.HasField("since") else None,
                    "connected": False,
                    "lastSeen": each.device.last_seen,
                },
            )
            row["connected"] = row["connected"] or each.device.connected
    return sorted(rows.values(), key=lambda row: -row["behind"])


def letter(found: pb.DeadLetter, place: int, *, bodies: bool) -> dict[str, Any]:
    """Return a dead letter by its place. `bodies`: its reader may know what it says."""
    return {
        "id": found.id,
        "place": place,
        "eventId": found.event_id,
        "type": found.type,
        "appId": found.app_id,
        "address": found.address,
        "routingKey": found.routing_key,
        "reason": found.reason,
        "size": found.size,
        "lost": found.lost,
        "body": found.body.decode(errors="replace") if bodies else None,
    }


def session(found: pb.Session) -> dict[str, Any]:
    """Return a session in a room."""
    return {
        "user": found.user_id,
        "device": found.device.device_id,
        "name": found.device.name,
        "platform": found.device.platform,
        "edge": found.node_id,
        "session": found.session_id,
    }


def action(found: pb.Action) -> dict[str, Any]:
    """Return what an operator has done."""
    return {
        "number": found.number,
        "at": found.at,
        "operator": found.operator,
        "name": found.name,
        "target": found.target,
        "result": found.result,
    }


def _behind(known: pb.KnownDevice, queue: pb.Queue | None) -> int:
    """Return how many positions it has not acknowledged; what is older than it not counted."""
    if queue is None or not known.follows:
        return 0
    return max(0, queue.head - max(known.cursor, known.initial_head))
