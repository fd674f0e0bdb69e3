"""A router's steps of traces: an event is stored, in a commit with others. PURE.

What the edge and the device get bears the step's traceparent, not the publisher's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from kull_protos.common.measures import Count
from kull_protos.common.tracing import Span, Tracer
from kull_router.queues.entry import Event

MAX_OPEN: Final = 10_000  # events that came and are neither stored nor given up


class StoreTraces:
    """Steps of what has arrived, until it is stored.

    Args:
        tracer: records them.
        given_up: counts what was.
        max_open: the oldest is given up for a newer one.
    """

    def __init__(self, tracer: Tracer, *, given_up: Count, max_open: int = MAX_OPEN) -> None:
        self._given_up = given_up
        self._tracer = tracer
        self._max_open = max_open
        self._open: dict[str, Span] = {}  # by its own traceparent, the oldest first

    def arrived(self, event: Event) -> Event:
        """Return the event as it goes on: with the name of its step, or without any."""
        if not event.trace:
            return event
        span = self._tracer.start(
            "kull.store",
            "consumer",
            parent=event.trace,
            attributes={
                "messaging.system": "kull",
                "messaging.operation.type": "process",
                "messaging.destination.name": event.address,
                "messaging.message.id": event.id,
                "kull.event.type": event.type,
            },
        )
        if span is None:
            return replace(event, trace="")
        if len(self._open) >= self._max_open:
            self._given_up.value += 1
            self._end(next(iter(self._open)), "given up: too many events wait to be stored")
        self._open[span.traceparent] = span
        return replace(event, trace=span.traceparent)

    @contextmanager
    def commit(self, events: Sequence[Event]) -> Iterator[None]:
        """What is done inside stores these: then their steps are over, and that of the commit."""
        span = self._begin([each.trace for each in events if each.trace], len(events))
        try:
            yield
        except BaseException as error:
            if span:
                span.end(str(error) or type(error).__name__)
            raise
        for event in events if span else ():
            self.stored(event)
        if span:
            span.end()

    def _begin(self, traced: Sequence[str], count: int) -> Span | None:
        """Begin a commit's step: one of the first event's trace, linked with the others'."""
        if not traced:
            return None
        first, *others = traced
        span = self._tracer.start(
            "kull.commit",
            "internal",
            parent=first,
            links=others,
            attributes={"messaging.batch.message_count": count},
        )
        if span is None:
            return None
        for each in others:
            if waiting := self._open.get(each):
                waiting.link(span.traceparent)
        return span

    def stored(self, event: Event) -> None:
        """The event is in its queue, or was there already, or is not kept."""
        if event.trace:
            self._end(event.trace)

    def failed(self, event: Event, why: str) -> None:
        """The event will not be stored, or by another router; nothing if it is already."""
        if event.trace:
            self._end(event.trace, why)

    def _end(self, traceparent: str, error: str = "") -> None:
        if span := self._open.pop(traceparent, None):
            span.end(error)
