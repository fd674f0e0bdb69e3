"""The network: connections that delay, fill up, break, or go silent without telling anybody."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from tests.simulation.loop import NOBODY, Process
from tests.simulation.trace import Trace

LATENCY: Final = (0.0005, 0.02)  # seconds, one way
SILENCE_NOTICED: Final = (10.0, 30.0)  # seconds until keepalives tell of a peer that went silent
CONNECT_TIMEOUT: Final = 5.0  # seconds until connecting to nowhere fails


class Lost(Exception):
    """The connection is gone."""


class Wire:
    """One direction: in order, delayed, bounded in bytes."""

    def __init__(self, net: Network, capacity: int, way: str) -> None:
        self.arrived: deque[tuple[Any, int]] = deque()
        self.filled, self.room = asyncio.Event(), asyncio.Event()
        self.dead = False  # what is under way, and what is sent from now on, never arrives
        self._net, self._way = net, way
        self._capacity = capacity
        self._load = 0  # bytes that are under way or not read yet
        self._last = 0.0

    @property
    def has_room(self) -> bool:
        return self._load < self._capacity

    def send(self, item: Any, size: int) -> None:
        """Send whatever room there is. Into a dead wire too: nobody knows."""
        self._load += size
        loop = asyncio.get_running_loop()
        self._last = max(self._last, loop.time() + self._net.latency())
        loop.call_at(self._last, self._arrive, item, size, context=NOBODY)

    def _arrive(self, item: Any, size: int) -> None:
        if not self.dead:
            if self._net.trace.on:
                self._net.trace.note(self._way, item)
            self.arrived.append((item, size))
            self.filled.set()

    def take(self) -> Any:
        item, size = self.arrived.popleft()
        self._load -= size
        if self.has_room:
            self.room.set()
        return item


class End:
    """One process's end of a connection."""

    def __init__(self, process: Process, incoming: Wire, outgoing: Wire) -> None:
        self.process = process
        self.lost = False  # this side has been told
        self.on_lost: Callable[[], object] | None = None  # called in the process, once
        self._in, self._out = incoming, outgoing
        self.connection: Connection

    def post(self, item: Any, size: int) -> None:
        """Send without waiting for room."""
        if not self.lost:
            self._out.send(item, size)

    async def send(self, item: Any, size: int) -> None:
        """Send once there is room. Raises Lost."""
        while not self._out.has_room and not self.lost:
            self._out.room.clear()
            await self._out.room.wait()
        if self.lost:
            raise Lost
        self._out.send(item, size)

    async def receive(self) -> Any:
        """Return the next item. Raises Lost."""
        while not self._in.arrived:
            if self.lost:
                raise Lost
            self._in.filled.clear()
            await self._in.filled.wait()
        return self._in.take()

    def arrived(self) -> list[Any]:
        """Return what has arrived and was not received yet."""
        return [item for item, _ in self._in.arrived]

    def close(self) -> None:
        """End the connection; the peer is told behind what was sent. Idempotent."""
        if not self.lost:
            self.tell()
            self.connection.closed_by(self)

    def tell(self) -> None:
        """Let this side know that the connection is gone."""
        if self.lost:
            return
        self.lost = True
        self._in.filled.set()
        self._out.room.set()
        if self.on_lost:
            self.process.soon(self.on_lost)


class Connection:
    """Two ends. `kind` is what it is for: link (edge to router) or socket (device to edge)."""

    def __init__(
        self, net: Network, kind: str, client: Process, server: Process, capacity: int
    ) -> None:
        forth = Wire(net, capacity, f"{client.name} > {server.name}")
        back = Wire(net, capacity, f"{client.name} < {server.name}")
        self.kind = kind
        self.client, self.server = End(client, back, forth), End(server, forth, back)
        self.client.connection = self.server.connection = self
        self._wires = (forth, back)
        self._net = net

    @property
    def over(self) -> bool:
        return self.client.lost and self.server.lost

    @property
    def silent(self) -> bool:
        return self._wires[0].dead

    def cut(self) -> None:
        """Break it; both sides are told soon."""
        self._die()
        for end in (self.client, self.server):
            self._net.later(self._net.latency(), end.tell)

    def silence(self) -> None:
        """Nothing arrives any more, and nobody is told until keepalives find out."""
        self._die()
        for end in (self.client, self.server):
            if self.kind == "link" or end is self.client:  # edges look after their sockets
                self._net.later(self._net.draw(*SILENCE_NOTICED), end.tell)

    def give_up_on(self, process: Process) -> None:
        """The peer of a silent process ends the connection."""
        self._die()
        self.client.tell()
        self.server.tell()

    def closed_by(self, end: End) -> None:
        """Hang up behind everything that was sent."""
        peer = self.server if end is self.client else self.client
        wire = self._wires[0] if end is self.client else self._wires[1]
        delay = max(0.0, wire._last - asyncio.get_running_loop().time())
        if not self.silent:
            self._net.later(delay + self._net.latency(), peer.tell)

    def _die(self) -> None:
        for wire in self._wires:
            wire.dead = True


class Listener:
    """A place to connect to. `process` is whoever listens there now, if anybody does."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.process: Process | None = None
        self.accept: Callable[[End], object] = lambda _end: None


class Network:
    """All connections. `slowness` stretches every delay."""

    def __init__(self, rng: random.Random, trace: Trace) -> None:
        self.rng = rng
        self.trace = trace
        self.slowness = 1.0
        self.blocked: set[tuple[str, str]] = set()  # (client, listener): nothing gets through
        self._connections: list[Connection] = []

    def draw(self, low: float, high: float) -> float:
        return self.rng.uniform(low, high)

    def latency(self) -> float:
        return self.draw(*LATENCY) * self.slowness

    def later(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        """Call back outside of every process."""
        asyncio.get_running_loop().call_later(delay, callback, *args, context=NOBODY)

    def connections(self, kind: str = "") -> list[Connection]:
        """Return the connections that at least one side believes in."""
        self._connections = [each for each in self._connections if not each.over]
        return [each for each in self._connections if kind in {"", each.kind}]

    async def connect(
        self, kind: str, client: Process, listener: Listener, *, capacity: int
    ) -> End:
        """Open a connection and return the client's end. Raises Lost."""
        if (client.name, listener.name) in self.blocked:
            await asyncio.sleep(CONNECT_TIMEOUT)
            raise Lost("no answer")
        await asyncio.sleep(2 * self.latency())
        server = listener.process
        if server is None or server.dead:
            raise Lost("refused")
        connection = Connection(self, kind, client, server, capacity)
        self._connections.append(connection)
        server.soon(listener.accept, connection.server)
        return connection.client

    def block(self, client: str, listener: str) -> None:
        """Nothing gets through between these two: what is open goes silent."""
        self.blocked.add((client, listener))
        for each in self.connections():
            if (each.client.process.name, each.server.process.name) == (client, listener):
                each.silence()

    def killed(self, process: Process, *, silently: bool) -> None:
        """A process has died: its kernel hangs up, unless that died as well."""
        for each in self._of(process):
            if silently:
                each.silence()
            else:
                each.cut()

    def stopped(self, process: Process) -> None:
        """A process stands still: its peers give up on it if that lasts."""
        stops = process.stops
        for each in self._of(process):
            self.later(self.draw(*SILENCE_NOTICED), self._give_up, each, process, stops)

    def _give_up(self, connection: Connection, process: Process, stops: int) -> None:
        if process.frozen and process.stops == stops:
            connection.give_up_on(process)

    def _of(self, process: Process) -> list[Connection]:
        return [
            each
            for each in self.connections()
            if process in (each.client.process, each.server.process)
        ]
