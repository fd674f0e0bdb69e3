"""An edge's steps of traces: an event is written to a device, which acknowledges it. PURE."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from kull_edge.protocol.outgoing import OutMessage
from kull_edge.session.effects import Effect, Write
from kull_edge.session.subscription import Subscription, SubscriptionKey
from kull_protos.common.tracing import Span, Tracer

MAX_OPEN: Final = 10_000  # written and not acknowledged; of more nothing is recorded
GONE: Final = "the connection ended before it was acknowledged"


class DeliveryTraces:
    """Steps of what was written, until it is acknowledged.

    Args:
        tracer: records them.
        node: this edge.
    """

    def __init__(self, tracer: Tracer, node: str, *, max_open: int = MAX_OPEN) -> None:
        self._tracer = tracer
        self._node = node
        self._max_open = max_open
        self._waiting: dict[SubscriptionKey, deque[tuple[int, Span]]] = {}
        self._count = 0

    def written(
        self, session_id: int, device: str, subscription: Subscription, effects: Iterable[Effect]
    ) -> None:
        """These messages of a queue go to a device."""
        for effect in effects:
            for message in effect.messages if isinstance(effect, Write) else ():
                if message.trace and self._count < self._max_open:
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
        self._waiting.setdefault(key, deque()).append((message.seq, span))
        self._count += 1

    def settle(self, key: SubscriptionKey, acked: int) -> None:
        """The device has acknowledged everything up to a position."""
        waiting = self._waiting.get(key) if self._count else None
        while waiting and waiting[0][0] <= acked:
            waiting.popleft()[1].end()
            self._count -= 1
        if waiting is not None and not waiting:
            del self._waiting[key]

    def released(self, key: SubscriptionKey) -> None:
        """The session does not follow the queue any more."""
        for _, span in self._waiting.pop(key, ()):
            span.end(GONE)
            self._count -= 1
