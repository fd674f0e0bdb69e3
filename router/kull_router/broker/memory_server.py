"""The RabbitMQ of the in-memory broker: exchanges, queues and who is served. PURE.

Faithful in what the router builds on: topic patterns, exchange-to-exchange bindings, alternate
exchanges, single active consumers, prefetch, and unacknowledged messages that return in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from kull_producers.events.message import Message
from kull_router.broker.layout import BindingSpec, ExchangeSpec, Layout, QueueSpec


class QueueFull(Exception):
    """A queue has reached the memory bound; the message was stored nowhere."""


class Unroutable(Exception):
    """No such exchange, or no queue takes the message."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A message in a queue, and whether a consumer had it before."""

    message: Message
    redelivered: bool = False


class Consumer(Protocol):
    """One who is served by a queue."""

    @property
    def credit(self) -> int:
        """How many more messages fit into the prefetch."""
        ...

    def deliver(self, queued: Queued) -> None:
        """Take one message; it counts as unacknowledged from now on."""
        ...

    def close(self) -> None:
        """Be served no more: the queue was deleted."""
        ...


@dataclass(slots=True)
class MemoryQueue:
    """One queue: what is ready in it, and its consumers in the order of their arrival."""

    spec: QueueSpec
    ready: deque[Queued] = field(default_factory=deque)
    consumers: deque[Consumer] = field(default_factory=deque)

    def put(self, message: Message) -> None:
        """Add a message at the end and serve; above the spec's limits the oldest are dropped."""
        self.ready.append(Queued(message))
        self.serve()
        if self.spec.max_length is not None and len(self.ready) > self.spec.max_length:
            self.ready.popleft()
        if self.spec.max_bytes is not None:
            size = sum(len(queued.message.body) for queued in self.ready)
            while size > self.spec.max_bytes:
                size -= len(self.ready.popleft().message.body)

    def serve(self) -> None:
        """Hand out what is ready, in order, to the consumers that have credit."""
        while self.ready and (consumer := self._next_consumer()) is not None:
            consumer.deliver(self.ready.popleft())

    def _next_consumer(self) -> Consumer | None:
        if self.spec.single_active:
            return self.consumers[0] if self.consumers and self.consumers[0].credit else None
        for _ in range(len(self.consumers)):
            consumer = self.consumers[0]
            self.consumers.rotate(-1)
            if consumer.credit:
                return consumer
        return None

    def remove(self, consumer: Consumer, unacknowledged: Iterable[Message]) -> None:
        """Remove a consumer; what it had returns to the front in order, then the next is served."""
        self.consumers.remove(consumer)
        returned = [Queued(message, redelivered=True) for message in unacknowledged]
        self.ready.extendleft(reversed(returned))
        self.serve()


class MemoryServer:
    """Everything that outlives a connection. Several brokers (routers) may share one server.

    max_length: ready messages per queue; above it publishing fails, nothing grows without end.
    """

    def __init__(self, *, max_length: int = 100_000) -> None:
        self.max_length = max_length
        self.exchanges: dict[str, ExchangeSpec] = {}
        self.queues: dict[str, MemoryQueue] = {}
        self._bindings: dict[str, list[BindingSpec]] = {}

    def create(self, layout: Layout) -> None:
        """Create what does not exist yet."""
        for exchange in layout.exchanges:
            self.exchanges.setdefault(exchange.name, exchange)
        for queue in layout.queues:
            self.queues.setdefault(queue.name, MemoryQueue(queue))
        for binding in layout.bindings:
            self.bind(binding)

    def bind(self, binding: BindingSpec) -> None:
        """Add a binding, once."""
        bindings = self._bindings.setdefault(binding.source, [])
        if binding not in bindings:
            bindings.append(binding)

    def unbind(self, binding: BindingSpec) -> None:
        """Remove a binding, if it is there."""
        self._keep_bindings(lambda each: each != binding)

    def delete_queue(self, name: str) -> None:
        """Delete a queue with its bindings and all that lies in it; its consumers are closed."""
        queue = self.queues.pop(name)
        self._keep_bindings(lambda each: each.to_exchange or each.destination != name)
        while queue.consumers:
            queue.consumers[-1].close()

    def delete_exchange(self, name: str) -> None:
        """Delete an exchange with its bindings, from it and to it."""
        del self.exchanges[name]
        self._keep_bindings(
            lambda each: each.source != name and not (each.to_exchange and each.destination == name)
        )

    def _keep_bindings(self, kept: Callable[[BindingSpec], bool]) -> None:
        self._bindings = {
            source: [each for each in bindings if kept(each)]
            for source, bindings in self._bindings.items()
        }

    def publish(self, message: Message) -> None:
        """Put a message into every queue it is routed to, or into none.

        Raises: Unroutable, QueueFull.
        """
        queues = [self.queues[name] for name in self._route(message)]
        for queue in queues:
            if queue.spec.max_length is None and len(queue.ready) >= self.max_length:
                raise QueueFull(f"queue {queue.spec.name} is full ({self.max_length} messages)")
        for queue in queues:
            queue.put(message)

    def _route(self, message: Message) -> list[str]:
        exchange = self.exchanges.get(message.exchange)
        if message.exchange == "":
            found = [message.routing_key] if message.routing_key in self.queues else []
        elif exchange is None:
            raise Unroutable(f"exchange {message.exchange} does not exist")
        elif exchange.internal:
            raise Unroutable(f"exchange {message.exchange} is internal")
        else:
            found = list(dict.fromkeys(self._destinations(exchange, message.routing_key, set())))
        if not found and not message.optional:
            raise Unroutable(
                f"no queue takes routing key {message.routing_key!r} "
                f"of exchange {message.exchange or '(default)'}"
            )
        return found

    def _destinations(self, exchange: ExchangeSpec, key: str, seen: set[str]) -> Iterable[str]:
        if exchange.name in seen:
            return
        seen.add(exchange.name)
        taken = False
        for binding in self._bindings.get(exchange.name, ()):
            if exchange.kind == "topic" and not matches(binding.pattern, key):
                continue
            taken = True
            if binding.to_exchange:
                yield from self._destinations(self.exchanges[binding.destination], key, seen)
            else:
                yield binding.destination
        if not taken and exchange.alternate in self.exchanges:
            yield from self._destinations(self.exchanges[exchange.alternate], key, seen)


def matches(pattern: str, key: str) -> bool:
    """Tell whether a topic pattern takes a routing key: `*` is one word, `#` any number of them."""
    return _match(pattern.split("."), key.split(".") if key else [])


def _match(pattern: list[str], words: list[str]) -> bool:
    # Row by row over the pattern: which prefixes of the words it can take. No exponential patterns.
    reachable = [True, *([False] * len(words))]
    for part in pattern:
        if part == "#":
            first = reachable.index(True) if True in reachable else len(reachable)
            reachable = [index >= first for index in range(len(reachable))]
        else:
            steps = [
                before and part in {"*", word}
                for before, word in zip(reachable, words, strict=False)
            ]
            reachable = [False, *steps]
    return reachable[-1]
