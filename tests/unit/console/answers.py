"""What routers might answer, and who might ask, made by hand."""

from __future__ import annotations

from typing import Any

from kull_console import NotValid, Operator
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1.attach_pb2 import ShardTerm

NOW = 1_700_000_000_000  # ms
READER = Operator(id="key:1", name="rita", may_act=False)
ACTOR = Operator(id="key:2", name="anna", may_act=True)


class Keys:
    """Two keys, until they are taken away."""

    def __init__(self) -> None:
        self.known = {"reads": READER, "acts": ACTOR}

    @property
    def any(self) -> bool:
        return bool(self.known)

    def claimed(self, key: str) -> str:
        name = key.partition("!")[0]  # one that claims to be another, and is wrong
        return name if name in self.known else ""

    def by_key(self, key: str) -> Operator:
        if key not in self.known:
            raise NotValid("the service key is not valid here: it is wrong or revoked")
        return self.known[key]

    def still(self, operator: Operator) -> bool:
        return operator in self.known.values()


def overview(
    router: str = "router-1",
    *,
    owns: tuple[int, ...] = (0, 1),
    started: int = NOW - 60_000,
    edges: dict[str, int] | None = None,
    counters: dict[str, Any] | None = None,
    **more: Any,
) -> pb.OverviewResponse:
    more.setdefault("store", pb.Health(ok=True, micros=300))
    more.setdefault("broker", pb.Health(ok=True))
    return pb.OverviewResponse(
        router=pb.RouterNode(
            router_id=router, shard_count=4, owned=[ShardTerm(shard=each, term=1) for each in owns]
        ),
        edges=[pb.EdgeNode(node_id=name, sessions=n) for name, n in (edges or {}).items()],
        counters=pb.Counters(**(counters or {})),
        now=NOW,
        started_at=started,
        **more,
    )
