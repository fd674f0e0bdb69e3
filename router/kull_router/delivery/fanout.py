"""From a stored event to the edges whose sessions follow its queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.journal import Journal
from kull_router.delivery.subscriptions import Subscriptions
from kull_router.measures.events import EventMeasures
from kull_router.queues.entry import Entry, Event, message_of
from kull_router.queues.port import Outcome, Stored

MAX_AGE_MS: Final = 2**32 - 1  # what the frame can say


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

    def __init__(
        self, subscriptions: Subscriptions, journal: Journal, measures: EventMeasures
    ) -> None:
        self._measures = measures
        self._subscriptions = subscriptions
        self._journal = journal
        self._streams: dict[int, EdgeStream] = {}

    def attach(self, stream: EdgeStream) -> None:
        """An edge is here: pushes and announcements go to it from now on."""
        self._streams[stream.number] = stream

    def detach(self, stream: EdgeStream) -> bool:
        """An edge is gone. False: it was not attached (any more)."""
        return self._streams.pop(stream.number, None) is not None

    def each(self) -> list[EdgeStream]:
        """Return the streams of all attached edges, in the order of their coming."""
        return list(self._streams.values())

    def find(self, number: int) -> EdgeStream | None:
        """Return the stream of this number, None if it is not attached (any more)."""
        return self._streams.get(number)

    def stored(
        self,
        shard: int,
        term: int,
        events: Sequence[Event],
        outcomes: Sequence[Outcome],
        now_ms: int = 0,
    ) -> None:
        """Push what was stored, in order. To be called after the commit, once per commit.

        now_ms: by the wall clock, for latencies; 0: they are not measured.
        """
        now = self._journal.now()
        ages_ms: list[int] = []
        for event, outcome in zip(events, outcomes, strict=True):
            if isinstance(outcome, Stored):
                age_ms = None
                if now_ms and event.published_ms:
                    age_ms = now_ms - event.published_ms
                    ages_ms.append(age_ms)
                entry = Entry(seq=outcome.seq, event=event)
                edges = self.push(shard, term, entry, stored=now, age_ms=age_ms)
                self._journal.stored(now, term, event, outcome, edges)
            else:
                self._journal.not_stored(now, event, outcome)
        self._measures.committed(events, outcomes)
        self._measures.took(ages_ms)

    def push(
        self,
        shard: int,
        term: int,
        entry: Entry,
        *,
        stored: float = 0.0,
        age_ms: int | None = None,
    ) -> str:
        """Push one entry (seq 0: ephemeral) to each edge that follows its address, once.

        For what edges measure: `stored`: when it was committed, by the journal's clock; 0: it was
        not. `age_ms`: how long before that it was published.

        Returns the names of the edges that took it.
        """
        numbers = self._subscriptions.streams(entry.event.address)
        if not numbers:
            return ""
        message = pushed_entry(entry)
        if age_ms is not None:
            message.age_ms = min(max(age_ms, 0), MAX_AGE_MS)
        streams = [self._streams[number] for number in numbers]
        took: list[str] = []
        for stream in streams:
            if not stream.push(entry.event.address, shard, term, message, stored):
                self._dropped(stream, entry)
                continue
            self._measures.pushes.value += 1
            if not stream.closed:
                took.append(stream.node_id)
        return ", ".join(took)

    def _dropped(self, stream: EdgeStream, entry: Entry) -> None:
        self._measures.dropped.value += 1
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
