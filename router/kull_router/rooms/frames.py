"""A roster as edges are sent it. PURE."""

from __future__ import annotations

from collections.abc import Iterable

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.rooms.roster import Member


def member(each: Member) -> pb.Member:
    """Return a member as edges are told."""
    return pb.Member(
        user_id=each.user,
        since=each.since_ms,
        devices=[
            pb.Device(device_id=one.device, platform=one.platform, name=one.name)
            for one in each.devices
        ],
        state=each.state,
    )


def members(each: Iterable[Member]) -> list[pb.Member]:
    """Return members as edges are told."""
    return [member(one) for one in each]
