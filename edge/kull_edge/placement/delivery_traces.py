"""An edge's steps of traces: an event is written to a device, which acknowledges it. PURE."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import count
from typing import Final, NamedTuple

from kull_edge.protocol.outgoing import OutMessage
from kull_edge.session.effects import Effect, Write
from kull_edge.session.subscription import Subscription, SubscriptionKey
from kull_protos.common.measures import Count
from kull_protos.common.tracing import Span, Tracer

MAX_OPEN: Final = 10_000  # written and not acknowledged
GONE: Final = "the connection ended before it was acknowledged"
GIVEN_UP: Final = "given up: too many events wait to be acknowledged"


class _Open(NamedTuple):
    """A step that has begun: `number` tells which came first."""

    number: int
    key: SubscriptionKey
    seq: int
    span: Span


class DeliveryTraces:
    """Steps of what was written, until it is acknowledged.

    Args:
        tracer: records them.
        node: this edge.
        given_up: counts those that were.
        max_open: the oldest is given up for a newer one, so that no device that acknowledges
            nothing stops what is recorded of others.
    """

    def __init__(
        self, tracer: Tracer, node: str, *, given_up: Count, max_open: int = MAX_OPEN
    ) -> None:
        self._given_up = given_up
        self._tracer = tracer
        self._node = node
        self._max_open = max_open
        self._waiting: dict[SubscriptionKey, deque[_Open]] = {}
        self._open: dict[int, _Open] = {}  # by number, the oldest first
        self._numbers = count(1)

    def written(
        self, session_id: int, device: str, subscription: Subscription, effects: Iterable[Effect]
    ) -> None:
        """These messages of a queue go to a device."""
        for effect in effects:
            for message in effect.messages if isinstance(effect, Write) else ():
                if message.trace:
                    key = SubscriptionKey(session_id, subscription.address)
                    self._begin(key, message, device)

    def _begin(self, key: SubscriptionKey, message: OutMessage, device: str) -> None:
        span = self._tracer.start(
            "kull.deliver",
            "client",
            parent=message.trace,
            attributes={
                "messaging.system": "kull",
                "messaging.operation.type": "send",
                "messaging.destination.name": key.address,
                "messaging.client.id": device,
                "kull.seq": message.seq,
                "kull.edge": self._node,
            },
        )
        if span is None:
            return
        if not message.seq:  # nobody acknowledges what is not stored
            span.end()
            return
        if len(self._open) >= self._max_open:
            self._give_up(next(iter(self._open.values())))
        opened = _Open(next(self._numbers), key, message.seq, span)
        self._waiting.setdefault(key, deque()).append(opened)
        self._open[opened.number] = opened

    def _give_up(self, oldest: _Open) -> None:
        self._given_up.value += 1
        self._waiting[oldest.key].popleft()  # the oldest of all is that of its queue
        if not self._waiting[oldest.key]:
            del self._waiting[oldest.key]
        self._end(oldest, GIVEN_UP)

    def _end(self, opened: _Open, error: str = "") -> None:
        del self._open[opened.number]
        opened.span.end(error)

    def settle(self, key: SubscriptionKey, acked: int) -> None:
        """The device has acknowledged everything up to a position."""
        waiting = self._waiting.get(key) if self._open else None
        while waiting and waiting[0].seq <= acked:
            self._end(waiting.popleft())
        if waiting is not None and not waiting:
            del self._waiting[key]

    def released(self, key: SubscriptionKey) -> None:
        """The session does not follow the queue any more."""
        for opened in self._waiting.pop(key, ()):
            self._end(opened, GONE)
