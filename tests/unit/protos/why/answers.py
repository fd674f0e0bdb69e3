"""What routers might answer, made by hand."""

from __future__ import annotations

from typing import Any

from kull_protos.common.flight_recorder import Kind
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1.attach_pb2 import Device, Fact, Following, ShardTerm
from kull_protos.why.evidence import Evidence, merge

MAYA = "user:maya"
NOW = 1_700_000_000_000  # 2023-11-14 22:13:20.000 UTC


def fact(kind: Kind, *, at: int = NOW, node: str = "router-1", **more: Any) -> Fact:
    return Fact(kind=kind, at=at, node=node, **more)


def of_mac(kind: Kind, *, at: int = NOW, node: str = "router-1", **more: Any) -> Fact:
    return fact(kind, at=at, node=node, user_id="maya", device_id="mac", **more)


def known(device: str = "mac", *, cursor: int = 0, **more: Any) -> pb.KnownDevice:
    return pb.KnownDevice(device=Device(device_id=device), cursor=cursor, **more)


def trace(
    *devices: pb.KnownDevice,
    seq: int = 7,
    kept: bool = True,
    head: int = 9,
    floor: int = 0,
    **more: Any,
) -> pb.Trace:
    more = {"contract": "every", "address": MAYA, "type": "X", "service": "s"} | more
    return pb.Trace(
        seq=seq,
        kept=kept,
        stored_at=NOW - 1_000,
        queue=pb.Queue(address=more["address"], head=head, floor=floor),
        devices=devices,
        shard=3,
        **more,
    )


def following(*, through: int = 9, acked: int = 0, mode: str = "live", **more: Any) -> Following:
    for name, usual in {"writable": True, "address": MAYA, "node": "edge-1"}.items():
        more.setdefault(name, usual)
    return Following(
        user_id="maya", device_id="mac", through=through, acked=acked, mode=mode, **more
    )


def answer(
    *facts: Fact,
    traces: list[pb.Trace] | None = None,
    sessions: list[Following] | None = None,
    devices: list[pb.KnownDevice] | None = None,
    router: str = "router-1",
    owns: int | None = 4,
    **more: Any,
) -> pb.ExplainResponse:
    owned = [ShardTerm(shard=3, term=owns)] if owns else []
    return pb.ExplainResponse(
        router=pb.RouterNode(router_id=router, owned=owned),
        now=NOW,
        facts=facts,
        traces=traces,
        following=sessions,
        devices=devices,
        **more,
    )


def evidence(*facts: Fact, **more: Any) -> Evidence:
    return merge([answer(*facts, **more)], {})
