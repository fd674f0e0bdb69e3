"""The in-memory twin of RabbitMQ: `Broker` for the router, `Transport` for publishers.

It is the embedded default as well. Deterministic: one loop, no threads, no tasks, no clock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from kull_producers import errors as producer_errors
from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker.layout import layout
from kull_router.broker.memory_server import (
    MemoryQueue,
    MemoryServer,
    Queued,
    QueueFull,
    Unroutable,
)
from kull_router.broker.port import (
    INSPECTED_BYTES,
    KEPT,
    MAX_BODY,
    MOST_INSPECTED,
    BrokerFigures,
    Delivery,
)
from kull_router.errors import (
    BrokerError,
    BrokerUnavailable,
    ChannelClosed,
    ShardCountMismatch,
)


class MemoryChannel:
    """A `Channel` on a memory queue. At most `prefetch` deliveries are unacknowledged."""

    def __init__(self, queue: MemoryQueue, prefetch: int) -> None:
        self.closed = False
        self._queue = queue
        self._prefetch = prefetch
        self._waiting: deque[Delivery] = deque()  # delivered, not yet received
        self._unacknowledged: deque[tuple[int, Message]] = deque()  # with their tags
        self._last_tag = 0
        self._wake = asyncio.Event()

    @property
    def credit(self) -> int:
        """How many more messages fit into the prefetch."""
        return self._prefetch - len(self._unacknowledged)

    def deliver(self, queued: Queued) -> None:
        """Take one message from the queue."""
        self._last_tag += 1
        self._waiting.append(_delivery(self._last_tag, queued))
        self._unacknowledged.append((self._last_tag, queued.message))
        self._wake.set()

    @property
    def unacknowledged(self) -> list[int]:
        """The sizes of what is not acknowledged, in bytes."""
        return [len(message.body) for _, message in self._unacknowledged]

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """See `Channel.receive`."""
        while not self._waiting and not self.closed:
            self._wake.clear()
            await self._wake.wait()
        self.check()
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def ack(self, tag: int) -> None:
        """See `Channel.ack`."""
        self.check()
        received = self._waiting[0].tag - 1 if self._waiting else self._last_tag
        if not 0 < tag <= received:
            raise BrokerError(f"delivery {tag} was not received on this channel")
        while self._unacknowledged and self._unacknowledged[0][0] <= tag:
            self._unacknowledged.popleft()
        self._queue.serve()

    async def aclose(self) -> None:
        """See `Channel.aclose`."""
        self.close()

    def close(self) -> None:
        """Return what is unacknowledged to the queue; the next consumer is served. Idempotent."""
        if self.closed:
            return
        self.closed = True
        returned = [message for _, message in self._unacknowledged]
        self._waiting.clear()
        self._unacknowledged.clear()
        self._wake.set()
        self._queue.remove(self, returned)

    def check(self) -> None:
        """See `Channel.check`."""
        if self.closed:
            raise ChannelClosed(f"the channel on {self._queue.spec.name} is closed")


def _delivery(tag: int, queued: Queued) -> Delivery:
    message, size = queued.message, len(queued.message.body)
    if size <= MAX_BODY:
        return Delivery(tag, message, queued.redelivered)
    return Delivery(tag, replace(message, body=message.body[:KEPT]), queued.redelivered, size)


class MemoryInspection:
    """An `Inspection` of a memory queue."""

    def __init__(self, queue: MemoryQueue, limit: int) -> None:
        self.closed = False
        self.waiting = len(queue.ready)
        self._queue = queue
        self._taken: dict[int, Message] = {}
        self.deliveries: list[Delivery] = []
        size = 0
        while queue.ready and len(self.deliveries) < min(limit, MOST_INSPECTED):
            size += len(queue.ready[0].message.body)
            if size > INSPECTED_BYTES:
                break
            queued = queue.ready.popleft()
            tag = len(self.deliveries) + 1
            self.deliveries.append(_delivery(tag, queued))
            self._taken[tag] = queued.message

    def remove(self, tag: int) -> None:
        """See `Inspection.remove`."""
        if self.closed:
            raise ChannelClosed(f"the look at {self._queue.spec.name} is over")
        self._taken.pop(tag, None)

    async def aclose(self) -> None:
        """See `Inspection.aclose`."""
        self.close()

    def close(self) -> None:
        """Give back what was not removed. Idempotent."""
        if self.closed:
            return
        self.closed = True
        returned = [Queued(message, redelivered=True) for message in self._taken.values()]
        self._queue.ready.extendleft(reversed(returned))
        self._queue.serve()


class MemoryBroker:
    """One router's connection to a `MemoryServer` (by default a server of its own)."""

    def __init__(self, server: MemoryServer | None = None) -> None:
        self.server = server or MemoryServer()
        self._channels: list[MemoryChannel | MemoryInspection] = []
        self._reachable = asyncio.Event()
        self._reachable.set()
        self._closed = False
        self._shard_count: int | None = None  # once it has started

    @property
    def connected(self) -> bool:
        """Whether the server is reachable right now."""
        return self._reachable.is_set() and not self._closed

    @property
    def blocked(self) -> bool:
        """See `Broker.blocked`: never."""
        return False

    @property
    def figures(self) -> BrokerFigures:
        """See `Broker.figures`."""
        consumers = [each for each in self._channels if isinstance(each, MemoryChannel)]
        sizes = [size for channel in consumers for size in channel.unacknowledged]
        ready = {name: len(queue.ready) for name, queue in self.server.queues.items()}
        shards = map(topology.shard_queue, range(self._shard_count or 0))
        return BrokerFigures(
            unacknowledged=len(sizes),
            unacknowledged_bytes=sum(sizes),
            ready=sum(ready.get(name, 0) for name in shards),
        )

    async def start(self, shard_count: int) -> None:
        """See `Broker.start`. Raises ShardCountMismatch."""
        await self._reachable.wait()
        self._shard_count = shard_count
        self._create(shard_count)

    async def repair(self) -> None:
        """See `Broker.repair`."""
        self._check_connected()
        if self._shard_count is not None:
            self._create(self._shard_count)

    def _create(self, shard_count: int) -> None:
        wanted = layout(shard_count)
        existing = self.server.exchanges.get(topology.SHARDS)
        if existing is not None and existing != wanted.exchanges[0]:
            stored = int(existing.alternate.rpartition(".")[2])
            raise ShardCountMismatch(stored, shard_count)
        self.server.create(wanted)

    async def consume(self, queue: str, *, single_active: bool, prefetch: int) -> MemoryChannel:
        """See `Broker.consume`. Raises BrokerUnavailable, or BrokerError for a wrong queue."""
        found = self._found(queue)
        if single_active != found.spec.single_active:
            raise BrokerError(f"queue {queue} has single_active={found.spec.single_active}")
        channel = MemoryChannel(found, prefetch)
        self._open(channel)
        found.consumers.append(channel)
        found.serve()
        return channel

    async def depth(self, queue: str) -> int:
        """See `Broker.depth`."""
        return len(self._found(queue).ready)

    async def inspect(self, queue: str, limit: int) -> MemoryInspection:
        """See `Broker.inspect`."""
        inspection = MemoryInspection(self._found(queue), limit)
        self._open(inspection)
        return inspection

    def _found(self, queue: str) -> MemoryQueue:
        self._check_connected()
        found = self.server.queues.get(queue)
        if found is None:
            raise BrokerError(f"queue {queue} does not exist")
        return found

    def _open(self, opened: MemoryChannel | MemoryInspection) -> None:
        self._channels = [known for known in self._channels if not known.closed]
        self._channels.append(opened)

    async def publish(self, message: Message) -> None:
        """See `Broker.publish`. Raises BrokerError also when a queue is full."""
        self._check_connected()
        try:
            self.server.publish(message)
        except (Unroutable, QueueFull) as error:
            raise BrokerError(f"cannot publish {message.message_id!r}: {error}") from error
        await asyncio.sleep(0)  # a loop of publishes must let the consumers run

    async def aclose(self) -> None:
        """See `Broker.aclose`."""
        self._closed = True
        self._close_channels()

    def transport(self) -> MemoryTransport:
        """Return a connection for publishers in this process."""
        return MemoryTransport(self)

    def down(self) -> None:
        """Fault hook: lose the connection, and with it every channel."""
        self._reachable.clear()
        self._close_channels()

    def up(self) -> None:
        """Fault hook: be reachable again."""
        self._reachable.set()

    def _check_connected(self) -> None:
        if not self.connected:
            raise BrokerUnavailable("the in-memory broker is closed or down")

    def _close_channels(self) -> None:
        # The latest first: closing the active consumer must not hand its deliveries to one that
        # goes in the same moment.
        for channel in reversed(self._channels):
            channel.close()
        self._channels = []


class MemoryTransport:
    """The publishers' `Transport` into a `MemoryBroker`. Closing it leaves the broker alone."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._closed = False

    async def publish(self, message: Message) -> None:
        """See `Transport.publish`."""
        self._check_connected()
        try:
            self._broker.server.publish(message)
        except Unroutable as error:
            raise producer_errors.NotRoutable(f"{error}: is a router running?") from error
        except QueueFull as error:
            raise producer_errors.PublishError(str(error)) from error
        await asyncio.sleep(0)  # a loop of publishes must let the consumers run

    async def check_shard_count(self, shard_count: int) -> None:
        """See `Transport.check_shard_count`."""
        self._check_connected()
        if topology.shard_count_mark(shard_count) not in self._broker.server.exchanges:
            raise producer_errors.ShardCountMismatch(
                f"the deployment does not have {shard_count} shards, or no router has started yet"
            )

    async def takes_batches(self) -> bool:
        """See `Transport.takes_batches`."""
        self._check_connected()
        return topology.BURSTS in self._broker.server.exchanges

    async def blocked(self) -> bool:
        """See `Transport.blocked`: never."""
        return False

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        self._closed = True

    def _check_connected(self) -> None:
        if self._closed or not self._broker.connected:
            raise producer_errors.ConnectError("the in-memory broker is closed or down")
