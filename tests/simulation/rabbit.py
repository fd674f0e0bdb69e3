"""RabbitMQ as it is reached over a network: the real MemoryServer behind delays and lost confirms.

A connection has two sides. The server's is a `MemoryBroker`; the client's believes to be connected
until it is told otherwise, and may go on acknowledging what was given to somebody else long ago.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker.layout import BindingSpec
from kull_router.broker.memory import MemoryBroker, MemoryChannel
from kull_router.broker.memory_server import MemoryServer
from kull_router.broker.port import Delivery
from kull_router.delivery import ingest
from kull_router.errors import BrokerUnavailable, ChannelClosed
from tests.simulation.ledger import Ledger
from tests.simulation.loop import NOBODY, Process
from tests.simulation.network import SILENCE_NOTICED, Network

ANSWER_TIMEOUT: Final = 5.0  # seconds until a client that connects to a silent server gives up
MISSED: Final = (10.0, 20.0)  # seconds until a client gives up a server that it does not hear


class Server(MemoryServer):
    """Tells the ledger of what is lost with a queue, and of what takes a detour around one."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    def publish(self, message: Message) -> None:
        """See `MemoryServer.publish`."""
        route = self._route(message)
        for each in ingest.apart(message):
            if topology.UNROUTED in route:
                self._ledger.detoured(each.message_id)
            if topology.DEAD in route:
                self._ledger.buried(each.message_id)
        super().publish(message)

    def delete_queue(self, name: str) -> None:
        """See `MemoryServer.delete_queue`."""
        queue = self.queues[name]
        lost = [queued.message for queued in queue.ready]
        for consumer in queue.consumers:
            assert isinstance(consumer, MemoryChannel)
            lost += [message for _, message in consumer._unacknowledged]
        for message in lost:
            for each in ingest.apart(message):
                self._ledger.destroyed(each)
        super().delete_queue(name)


class Rabbit:
    """The server. What it has confirmed survives its going down, unless somebody deletes it."""

    def __init__(self, net: Network, ledger: Ledger) -> None:
        self.net = net
        self.server = Server(ledger)
        self.up = True
        self.connections: list[AmqpConnection] = []
        self.process = Process("rabbitmq")
        self._answering = asyncio.Event()
        self._answering.set()
        self._silences = 0
        self._held: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()

    @property
    def silent(self) -> bool:
        """Whether it stands still: connected, and neither answering nor hanging up."""
        return not self._answering.is_set()

    def go_down(self) -> None:
        """Break every connection."""
        self.up = False
        for each in list(self.connections):
            each.cut()

    def come_up(self) -> None:
        self.up = True

    def fall_silent(self) -> None:
        """SIGSTOP: what comes in waits; clients give it up if that lasts."""
        self._answering.clear()
        self._silences += 1
        for each in self.connections:
            self.net.later(self.net.draw(*MISSED), self._missed, each, each.inner, self._silences)

    def answer_again(self) -> None:
        """SIGCONT: first comes what has waited."""
        self._answering.set()
        while self._held:
            work, args = self._held.popleft()
            work(*args)
        for each in self.connections:
            each.changed.set()

    def lose_queue(self, draw: Callable[[Sequence[str]], str]) -> None:
        """Somebody deletes a queue, with all that lies in it."""
        names = sorted(name for name in self.server.queues if name != topology.DEAD)
        if names:
            self.server.delete_queue(draw(names))

    def lose_exchange(self, draw: Callable[[Sequence[str]], str]) -> None:
        """Somebody deletes an exchange."""
        if names := sorted(self.server.exchanges):
            self.server.delete_exchange(draw(names))

    def lose_binding(self, draw: Callable[[Sequence[BindingSpec]], BindingSpec]) -> None:
        """Somebody deletes a binding."""
        if bindings := [each for of in self.server._bindings.values() for each in of]:
            self.server.unbind(draw(bindings))

    def serve(self, work: Callable[..., object], *args: Any) -> None:
        """Let the server do something: now, or when it answers again."""
        if self.silent:
            self._held.append((work, args))
        else:
            work(*args)

    async def answers(self, within: float) -> bool:
        """Wait for an answer of the server itself; False: there was none in time."""
        if self.silent:
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._answering.wait()
        return not self.silent

    async def answering(self) -> None:
        """Wait until it is not silent."""
        await self._answering.wait()

    def _missed(self, connection: AmqpConnection, inner: MemoryBroker, silences: int) -> None:
        if self.silent and self._silences == silences:
            connection.give_up(inner)

    def killed(self, process: Process, *, silently: bool) -> None:
        """A client's process has died."""
        for each in self._of(process):
            if silently:
                self.net.later(self.net.draw(*SILENCE_NOTICED), each.cut)
            else:
                each.cut()

    def stopped(self, process: Process) -> None:
        """A client's process stands still: heartbeats find out if that lasts."""
        stops = process.stops
        for each in self._of(process):
            self.net.later(self.net.draw(*SILENCE_NOTICED), self._give_up, each, stops)

    def _give_up(self, connection: AmqpConnection, stops: int) -> None:
        if connection.process.frozen and connection.process.stops == stops:
            connection.cut()

    def _of(self, process: Process) -> list[AmqpConnection]:
        return [each for each in self.connections if each.process is process]


class AmqpConnection:
    """One AMQP connection of a process, opened again and again."""

    def __init__(self, rabbit: Rabbit, process: Process) -> None:
        self.process = process
        self.connected = False  # as the client sees it
        self.rabbit = rabbit
        self.channels: list[SimChannel] = []
        self.inner = MemoryBroker(rabbit.server)
        self._confirms: dict[asyncio.Future[None], None] = {}  # unanswered
        self._last = 0.0  # when the message sent last arrives
        self._opening = asyncio.Lock()
        self._refusals = 0
        self._severed: MemoryBroker | None = None  # nothing more gets through on this one
        self._half_open: MemoryBroker | None = None  # nor on this, either way, and nobody knows
        self.changed = asyncio.Event()  # lost, or a silent server answers again
        rabbit.connections.append(self)

    @property
    def net(self) -> Network:
        return self.rabbit.net

    async def open(self) -> None:
        """Connect if that is possible right now. Raises BrokerUnavailable."""
        before = self._refusals
        async with self._opening:  # first come, first served: what is published stays in order
            if self._refusals > before:  # who came first has failed, so must who came behind
                raise BrokerUnavailable("RabbitMQ refuses connections")
            if self.connected:
                return
            await asyncio.sleep(2 * self.net.latency())
            if not self.rabbit.up or not await self.rabbit.answers(ANSWER_TIMEOUT):
                self._refusals += 1
                raise BrokerUnavailable("RabbitMQ refuses connections, or is silent")
            self.inner = MemoryBroker(self.rabbit.server)
            self.connected = True

    def cut(self) -> None:
        """The server ends the connection; the client is told soon."""
        self.rabbit.serve(self.inner.down)
        self.net.later(self.net.latency(), self._told, self.inner)

    def silence(self) -> None:
        """Nothing gets through any more; either side gives up in the end."""
        if self.connected:
            self._half_open = inner = self.inner
            self.net.later(self.net.draw(*MISSED), self._told, inner)
            self.net.later(self.net.draw(*SILENCE_NOTICED), self.rabbit.serve, inner.down)

    def give_up(self, inner: MemoryBroker) -> None:
        """The client hangs up on a silent server, which may yet read what was sent before."""
        if inner is self.inner and self.connected:
            if self.net.rng.random() < 0.5:
                self._severed = inner
            self._told(inner)
            self.rabbit.serve(inner.down)

    def gets_through(self, inner: MemoryBroker) -> bool:
        """Whether what was sent on this connection arrives, as far as the network goes."""
        return inner is not self._half_open

    async def answered(self, inner: MemoryBroker) -> None:
        """Wait for an answer on this connection. Raises BrokerUnavailable when it is lost."""
        while (
            self.connected
            and inner is self.inner
            and (self.rabbit.silent or not self.gets_through(inner))
        ):
            self.changed.clear()
            await self.changed.wait()
        if not inner.connected or inner is not self.inner or not self.connected:
            raise BrokerUnavailable("the connection was just lost")

    def _told(self, inner: MemoryBroker) -> None:
        if inner is not self.inner or not self.connected:
            return
        self.connected = False
        for channel in self.channels:
            channel.told()
        for confirm in list(self._confirms):
            _settle(confirm, BrokerUnavailable("the connection was lost before the confirm"))
        self.channels = []
        self.changed.set()

    async def publish(self, message: Message) -> None:
        """Publish, and wait for the confirm. Raises what the server says, or BrokerUnavailable."""
        await self.open()
        loop = asyncio.get_running_loop()
        confirm: asyncio.Future[None] = loop.create_future()
        self._last = max(self._last, loop.time() + self.net.latency())
        arrived = (self._arrived, message, self.inner, confirm)
        loop.call_at(self._last, self.rabbit.serve, *arrived, context=NOBODY)
        self._confirms[confirm] = None
        try:
            await confirm
        finally:
            del self._confirms[confirm]

    def _arrived(
        self, message: Message, inner: MemoryBroker, confirm: asyncio.Future[None]
    ) -> None:
        # What was under way when the connection broke has got through up to some point.
        if self.net.trace.on:
            where = f"{self.process.name} > rabbitmq"
            self.net.trace.note(where, f"{message.type} {message.message_id} up={inner.connected}")
        if not self.rabbit.up or (not inner.connected and self.net.rng.random() < 0.5):
            self._severed = inner
        if inner is self._severed or not self.gets_through(inner):
            return
        try:
            self.rabbit.server.publish(message)
        except Exception as error:
            self.net.later(self.net.latency(), self._refused, confirm, inner, error)
        else:
            if inner.connected:
                self.net.later(self.net.latency(), self._confirmed, confirm, inner)

    def _confirmed(self, confirm: asyncio.Future[None], inner: MemoryBroker) -> None:
        if inner.connected and self.gets_through(inner):
            _settle(confirm, None)

    def _refused(
        self, confirm: asyncio.Future[None], inner: MemoryBroker, error: Exception
    ) -> None:
        if self.gets_through(inner):
            _settle(confirm, error)


def _settle(confirm: asyncio.Future[None], error: Exception | None) -> None:
    if confirm.done():
        return
    if error is None:
        confirm.set_result(None)
    else:
        confirm.set_exception(error)


class SimChannel:
    """A `Channel` whose deliveries and acknowledgements travel."""

    def __init__(self, connection: AmqpConnection, inner: MemoryChannel) -> None:
        self._connection = connection
        self._on = connection.inner
        self._inner = inner
        self._closed = False
        self._arrived: deque[Delivery] = deque()
        self._filled = asyncio.Event()
        self._last = [0.0, 0.0]  # when the newest delivery, acknowledgement arrives
        self._pump = connection.rabbit.process.start(self._deliver(), "deliveries")

    @property
    def unacknowledged(self) -> int:
        return len(self._inner._unacknowledged)

    async def _deliver(self) -> None:
        """The server's side."""
        while True:
            try:
                deliveries = await self._inner.receive(64)
            except ChannelClosed:
                self._travel(0, self.told)
                return
            await self._connection.rabbit.answering()
            self._travel(0, self._take, deliveries)

    def _travel(self, way: int, callback: Any, *args: Any) -> None:
        loop = asyncio.get_running_loop()
        at = max(self._last[way], loop.time() + self._connection.net.latency())
        self._last[way] = at
        loop.call_at(at, self._through, way, callback, *args, context=NOBODY)

    def _through(self, way: int, callback: Any, *args: Any) -> None:
        if not self._connection.gets_through(self._on):
            return
        if way == 0:
            callback(*args)
        else:
            self._connection.rabbit.serve(callback, *args)

    def _take(self, deliveries: Sequence[Delivery]) -> None:
        if not self._closed:
            self._arrived.extend(deliveries)
            self._filled.set()

    def told(self) -> None:
        """The client learns that the channel is gone."""
        self._closed = True
        self._filled.set()

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """See `Channel.receive`."""
        while not self._arrived and not self._closed:
            self._filled.clear()
            await self._filled.wait()
        self.check()
        return [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]

    def ack(self, tag: int) -> None:
        """See `Channel.ack`."""
        self.check()
        self._travel(1, self._acked, tag)

    def _acked(self, tag: int) -> None:
        if not self._inner.closed:
            self._inner.ack(tag)

    async def aclose(self) -> None:
        """See `Channel.aclose`."""
        self._closed = True
        self._travel(1, self._inner.close)

    def check(self) -> None:
        """See `Channel.check`."""
        if self._closed:
            raise ChannelClosed("the channel is closed")

    def close_by_server(self) -> None:
        """Fault: the server closes this channel alone."""
        self._inner.close()
