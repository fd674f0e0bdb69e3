"""A hub with an explicit clock, what routers send it, and what it wants done."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from kull_edge.hub import Hub
from kull_edge.placement.config import HubConfig
from kull_edge.protocol.handshake import Handshake
from kull_edge.session.effects import Close, Effect, ToRouter, Write
from kull_edge.session.session import Session
from kull_protos.common.tracing import NO_TRACER
from kull_protos.mesh.v1 import attach_pb2 as pb

SHARDS = 4
MAYA = "user:maya"
WALL_MS = 1_000_000


def make_hub(*, routers: int = 1, **options: Any) -> Hub:
    options.setdefault("window_messages", 4)
    options.setdefault("window_bytes", 10_000)
    tracer = options.pop("tracer", NO_TRACER)
    wall_ms = options.pop("wall_ms", lambda: WALL_MS)
    config = HubConfig(node_id="edge", allow_plain_tokens=True, **options)
    return Hub(config, routers=routers, wall_ms=wall_ms, rng=random.Random(1), tracer=tracer)


def welcome(fetches: int = 2, epoch: str = "e", shards: int = SHARDS) -> pb.Welcome:
    return pb.Welcome(router_id="r", shard_count=shards, epoch=epoch, fetch_credits=fetches)


def owned(term: int, shards: Sequence[int] = range(SHARDS)) -> pb.AttachResponse:
    terms = [pb.ShardTerm(shard=shard, term=term) for shard in shards]
    return pb.AttachResponse(shards=pb.OwnedShards(shards=terms))


def subscribed(
    session: int, *, address: str = MAYA, head: int = 0, term: int = 1, **more: Any
) -> pb.AttachResponse:
    more.setdefault("recovered", True)
    more.setdefault("epoch", "e")
    return pb.AttachResponse(
        subscribed=pb.Subscribed(session_id=session, address=address, head=head, term=term, **more)
    )


def push(first: int, last: int, *, address: str = MAYA, term: int = 1) -> pb.AttachResponse:
    entries = [pb.Entry(seq=seq, message=b'{"seq":%d}' % seq) for seq in range(first, last + 1)]
    pushes = [pb.Push(address=address, term=term, entries=entries)]
    return pb.AttachResponse(deliver=pb.Deliver(pushes=pushes))


def sent(effects: Sequence[Effect], kind: str) -> list[Any]:
    """Return the frames of one kind that go to routers."""
    return [
        getattr(effect.request, kind)
        for effect in effects
        if isinstance(effect, ToRouter) and effect.request.HasField(kind)
    ]


def written(effects: Sequence[Effect], session: int) -> list[dict[str, Any]]:
    return [
        json.loads(frame.text)
        for effect in effects
        if isinstance(effect, Write) and effect.session_id == session
        for frame in effect.messages
    ]


def closes(effects: Sequence[Effect]) -> list[int]:
    return [effect.code for effect in effects if isinstance(effect, Close)]


def connect(
    hub: Hub, session: int = 1, *, token: str = "maya:mac", v2: bool = True
) -> list[Effect]:
    return hub.connected(session, Handshake(v2=v2, token=token), 0.0)


def attached(hub: Hub, session: int = 1, **options: Any) -> None:
    """Link, own, connect and attach one session whose queue is empty."""
    if not hub.ready:
        hub.link_up("r", welcome(), 0)
        hub.link_frame("r", owned(1), 0)
    connect(hub, session, **options)
    hub.link_frame("r", subscribed(session), 0)
    hub.link_frame("r", subscribed(session, address="all"), 0)


def ack(hub: Hub, seq: int, session: int = 1, now: float = 0.0) -> list[Effect]:
    return hub.text(session, json.dumps({"type": "ACK", "seq": seq}), now)


def session_of(hub: Hub, session_id: int = 1) -> Session:
    """Return a session, to look at what it keeps to itself."""
    session = hub._sessions.get(session_id)
    assert session is not None
    return session
