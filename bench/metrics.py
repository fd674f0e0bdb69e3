"""What metrics cost: `python -m bench.metrics`.

Times what is counted for one delivery to one device, in router and edge together (CPU time of this
process), and what one scrape takes of an edge with 10,000 devices and of a router with as many
sessions, with the number of series that it answers.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable

from kull_edge.hub import Hub
from kull_edge.measures.deliveries import DeliveryMeasures, Pushed
from kull_edge.metrics import EdgeMetrics
from kull_edge.placement.config import HubConfig
from kull_edge.protocol.handshake import Handshake
from kull_protos.common.measures import Measure
from kull_protos.common.peer_clock import PeerClock
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_protos.serving import exposition
from kull_router.access.tokens import TokenVerifier
from kull_router.broker.memory import MemoryBroker
from kull_router.core import RouterCore
from kull_router.delivery.session_key import SessionKey
from kull_router.delivery.subscriptions import Subscription
from kull_router.measures.events import EventMeasures
from kull_router.metrics import RouterMetrics
from kull_router.queues.entry import Contract, Event
from kull_router.queues.memory import MemoryStore
from kull_router.queues.port import DeviceInfo, Stored
from kull_router.settings import RouterSettings

DEVICES = 10_000
DELIVERIES = 20_000
SCRAPES = 20
EVENT = Event(id="e", address="user:u", type="CREDIT_UPDATE", contract=Contract.EVERY, body=b"{}")


def main() -> None:
    """Print the figures."""
    for batch in (1, 16, 256):
        print(f"counted for a delivery, commits of {batch:>3}: {_delivery(batch):5.2f} us of CPU")
    _scraped("edge", EdgeMetrics("edge-1", _hub(), [], range(DEVICES)).measures)
    _scraped("router", RouterMetrics(_core()).measures)


def _delivery(batch: int) -> float:
    events, outcomes = [EVENT] * batch, [Stored(1)] * batch
    router, edge, clock = EventMeasures(), DeliveryMeasures(), PeerClock()
    push, entry = pb.Push(), pb.Entry()
    took = []
    for _ in range(5):
        began = time.process_time()
        for number in range(DELIVERIES // batch):
            router.committed(events, outcomes)
            router.took([3] * batch)
            clock.heard(1e6 + number, 1.0 + number / 1000)
            sent = clock.sent_at() or 0.0
            for _ in range(batch):
                router.pushes.value += 1
                entry.age_ms = 3
                push.waited_us = 900
                stored = sent - push.waited_us / 1e6
                _ = entry.HasField("age_ms") and stored - entry.age_ms / 1000
                edge.written([Pushed(stored, 1)], sent + 0.001)
                edge.delivered.value += 1
                edge.acknowledged(sent, stored, sent + 0.5)
        took.append((time.process_time() - began) / DELIVERIES * 1e6)
    return statistics.median(took)


def _scraped(what: str, measures: list[Measure]) -> None:
    registry = exposition.registry(lambda: [("", measures)])

    def scrape() -> bytes:
        return exposition.text(registry)

    text = scrape()
    series = sum(not line.startswith(b"#") for line in text.splitlines())
    print(f"{what} with {DEVICES:,} sessions: {_ms(scrape):.1f} ms a scrape, {series} series")


def _ms(call: Callable[[], object]) -> float:
    took = []
    for _ in range(SCRAPES):
        began = time.perf_counter()
        call()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _hub() -> Hub:
    config = HubConfig(node_id="edge-1", allow_plain_tokens=True)
    hub = Hub(config, routers=1, wall_ms=lambda: 0, rng=random.Random(1))  # noqa: S311
    shards = [pb.ShardTerm(shard=0, term=1)]
    hub.link_up("r", pb.Welcome(epoch="e", shard_count=1, fetch_credits=64), 0.0)
    hub.link_frame("r", pb.AttachResponse(shards=pb.OwnedShards(shards=shards)), 0.0)
    for number in range(DEVICES):
        hub.connected(number, Handshake(v2=True, token=f"u{number}:d"), 0.0)
        for address in (f"user:u{number}", "all"):
            answer = pb.Subscribed(
                session_id=number, address=address, term=1, epoch="e", recovered=True
            )
            hub.link_frame("r", pb.AttachResponse(subscribed=answer), 0.0)
    return hub


def _core() -> RouterCore:
    core = RouterCore(
        RouterSettings(),
        broker=MemoryBroker(),
        store=MemoryStore(),
        verifier=TokenVerifier(None, allow_plain=True),
    )
    for number in range(DEVICES):
        key, info = SessionKey(1, number), DeviceInfo(user=f"u{number}", device="d")
        core.subscriptions.add(Subscription(key=key, address=f"user:u{number}", shard=0, info=info))
    return core


if __name__ == "__main__":
    main()
