"""From a stored event to the edges whose sessions follow its queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import Counter

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router import metrics
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.journal import Journal
from kull_router.delivery.subscriptions import Subscriptions
from kull_router.queues.entry import Entry, Event, message_of
from kull_router.queues.port import Duplicate, Outcome, Stale, Stored

_COUNTERS: Final[dict[type[Outcome], Counter]] = {
    kind: metrics.EVENTS.labels(kind.__name__.lower()) for kind in (Stored, Duplicate, Stale)
}


def pushed_entry(entry: Entry) -> pb.Entry:
    """Return an entry as it is sent to edges, its message ready for the devices."""
    event = entry.event
    return pb.Entry(
        seq=entry.seq,
        message=message_of(event, entry.seq),
        exclude_device_id=event.exclude_device,
        type=event.type,
        traceparent=event.trace,
    )


class Fanout:
    """The attached edges, and which of them get a push of an address."""

    def __init__(self, subscriptions: Subscriptions, journal: Journal) -> None:
        self._subscriptions = subscriptions
        self._journal = journal
        self._streams: dict[int, EdgeStream] = {}

    def attach(self, stream: EdgeStream) -> None:
        """An edge is here: pushes and announcements go to it from now on."""
        self._streams[stream.number] = stream
        metrics.EDGES.set(len(self._streams))

    def detach(self, stream: EdgeStream) -> bool:
        """An edge is gone. False: it was not attached (any more)."""
        known = self._streams.pop(stream.number, None) is not None
        metrics.EDGES.set(len(self._streams))
        return known

    def each(self) -> list[EdgeStream]:
        """Return the streams of all attached edges, in the order of their coming."""
        return list(self._streams.values())

    def find(self, number: int) -> EdgeStream | None:
        """Return the stream of this number, None if it is not attached (any more)."""
        return self._streams.get(number)

    def stored(
        self, shard: int, term: int, events: Sequence[Event], outcomes: Iterable[Outcome]
    ) -> None:
        """Push what was stored, in order. To be called after the commit, once per commit."""
        now = self._journal.now()
        for event, outcome in zip(events, outcomes, strict=True):
            _COUNTERS[type(outcome)].inc()
            if isinstance(outcome, Stored):
                edges = self.push(shard, term, Entry(seq=outcome.seq, event=event))
                self._journal.stored(now, term, event, outcome, edges)
            else:
                self._journal.not_stored(now, event, outcome)

    def push(self, shard: int, term: int, entry: Entry) -> str:
        """Push one entry (seq 0: ephemeral) to each edge that follows its address, once.

        Returns the names of the edges that took it.
        """
        numbers = self._subscriptions.streams(entry.event.address)
        if not numbers:
            return ""
        message = pushed_entry(entry)
        streams = [self._streams[number] for number in numbers]
        took: list[str] = []
        for stream in streams:
            if not stream.push(entry.event.address, shard, term, message):
                self._dropped(stream, entry)
                continue
            metrics.PUSHES.inc()
            if not stream.closed:
                took.append(stream.node_id)
        return ", ".join(took)

    def _dropped(self, stream: EdgeStream, entry: Entry) -> None:
        metrics.GAPS.inc()
        address = entry.event.address
        # Noted when the gap opens: an edge that is slow for long would push out everything else.
        if entry.seq and stream.missing_from(address) == entry.seq:
            self._journal.dropped(address, stream.node_id, entry.seq)

    def gap(self, shard: int, term: int, addresses: Iterable[str]) -> None:
        """Tell the edges that pushes of these addresses may be missing: their sessions fetch."""
        for address in addresses:
            for number in self._subscriptions.streams(address):
                self._streams[number].gap(address, shard, term)

    def announce(self, frame: pb.AttachResponse) -> None:
        """Send a frame to every edge."""
        for stream in self.each():
            stream.send(frame)
