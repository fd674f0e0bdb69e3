"""An edge: the real hub and gRPC links, and a thin shell that carries out what the hub wants."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Any, Final

import grpc

from kull_edge.hub import Hub
from kull_edge.link.grpc import GrpcLink
from kull_edge.placement.config import HubConfig
from kull_edge.protocol.handshake import Handshake
from kull_edge.session.effects import Close, Cut, Effect, ForDevice, Ping, ToRouter, Write
from kull_edge.settings import WRITE_LIMIT_SHARE
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.simulation.loop import Process
from tests.simulation.network import End, Listener, Lost, Network
from tests.simulation.routers import wall_ms
from tests.simulation.sockets import Closing, Frame, Hello, PingFrame, Pong, Text, size_of

LINK_CAPACITY: Final = 64 * 1024  # bytes in gRPC's and the kernels' buffers
DRAIN: Final = 3.0  # seconds over which a leaving edge spreads its devices
CLOSE_TIMEOUT: Final = 2.0  # seconds for a device to end its closing


class SimLink(GrpcLink):
    """The real link, over a channel that leads through the simulated network."""

    def __init__(
        self,
        hello: pb.Hello,
        *,
        net: Network,
        process: Process,
        router: Listener,
        rng: Any,
        now: Callable[[], float],
    ) -> None:
        super().__init__(router.name, hello, rng=rng, now=now)
        self._connect = lambda: net.connect("link", process, router, capacity=LINK_CAPACITY)
        self._process = process

    def _channel(self) -> Any:
        return _Channel(self._connect)


class _Channel:
    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    async def __aenter__(self) -> _Channel:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None: ...

    def stream_stream(self, *_args: Any, **_kwargs: Any) -> Callable[[], _Call]:
        return lambda: _Call(self._connect)


class _Broken(grpc.RpcError):
    pass


class _Call:
    """One call of Attach, from the edge's side."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._end: End | None = None
        self._opening = asyncio.Lock()

    async def _opened(self) -> End:
        async with self._opening:
            if self._end is None:
                try:
                    self._end = await self._connect()
                except Lost as error:
                    raise _Broken(str(error)) from error
            return self._end

    async def write(self, message: pb.AttachRequests) -> None:
        end = await self._opened()
        try:
            for frame in message.frames:
                alone = pb.AttachRequests(frames=[frame], sent=message.sent)
                await end.send(alone, frame.ByteSize())
        except Lost as error:
            raise _Broken("the stream is broken") from error

    async def read(self) -> Any:
        end = await self._opened()
        try:
            return pb.AttachResponses(frames=[await end.receive()])
        except Lost as error:
            raise _Broken("the stream is broken") from error

    def cancel(self) -> None:
        if self._end:
            self._end.close()


class EdgeNode:
    """One edge by name: processes come and go."""

    def __init__(
        self,
        config: HubConfig,
        *,
        net: Network,
        routers: Sequence[Listener],
        rng: random.Random,
        write_high: int,
    ) -> None:
        self.name = config.node_id
        self.listener = Listener(self.name)
        self.process = Process(self.name)
        self.shell: Shell | None = None
        self._config, self._net, self._routers = config, net, routers
        self._rng, self._write_high = rng, write_high
        self.clock_error = 0.0  # seconds that its wall clock is ahead

    def start(self) -> Process:
        """Start a process."""
        process = self.process = self.listener.process = Process(self.name)
        self.shell = None
        process.start(self._run(process), "life")
        return process

    async def _run(self, process: Process) -> None:
        loop = asyncio.get_running_loop()
        rng = random.Random(self._rng.getrandbits(64))
        uptime = rng.uniform(0, 10**6)  # seconds: where its machine's monotonic clock stands

        def now() -> float:
            return loop.time() + uptime

        hub = Hub(
            self._config,
            routers=len(self._routers),
            wall_ms=lambda: wall_ms(loop, self.clock_error),
            rng=rng,
        )
        hello = pb.Hello(node_id=self.name)
        links = [
            SimLink(hello, net=self._net, process=process, router=router, rng=rng, now=now)
            for router in self._routers
        ]
        # Above this the real edge cuts: a device's window in each queue, its answers, no more.
        limit = WRITE_LIMIT_SHARE * (self._config.window_bytes + self._write_high)
        shell = self.shell = Shell(
            process, hub, links, now=now, write_high=self._write_high, write_limit=limit
        )
        self.listener.accept = shell.accept
        async with asyncio.TaskGroup() as tasks:
            for link in links:
                tasks.create_task(link.run(shell), name=f"{self.name} link {link.name}")

    async def stop(self) -> None:
        """Stop in order: accept nothing, send devices elsewhere, flush, unlink."""
        self.listener.process = None
        if self.shell:
            await self.shell.drain()


class Shell:
    """Sockets, links and clock around the hub, as `kull_edge.node.Edge` has them."""

    def __init__(
        self,
        process: Process,
        hub: Hub,
        links: Sequence[GrpcLink],
        *,
        now: Callable[[], float],
        write_high: int,
        write_limit: int,
    ) -> None:
        self.hub = hub
        self.now = now
        self.sockets: dict[int, Socket] = {}
        self._process = process
        self._links = {link.name: link for link in links}
        self._write_high = write_high
        self._write_limit = write_limit
        self._numbers = count(1)
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at: float | None = None

    def accept(self, end: End) -> None:
        """A device connects."""
        number = next(self._numbers)
        socket = self.sockets[number] = Socket(
            self, number, end, write_high=self._write_high, limit=self._write_limit
        )
        self._process.start(socket.read(), f"socket {number} reads")
        self._process.start(socket.write_out(), f"socket {number} writes")

    async def drain(self) -> None:
        """Give every session a time slot, wait for them, flush what waits for the routers."""
        self.run(self.hub.drain(DRAIN, self.now()))
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN + CLOSE_TIMEOUT):
                while self.sockets:
                    await asyncio.sleep(0.1)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                for link in self._links.values():
                    await link.flush()

    # From the sockets

    def frame(self, socket: Socket, frame: Frame) -> None:
        """A frame came in."""
        now, number = self.now(), socket.number
        self.hub.received(number, now)
        match frame:
            case Hello(v2, token):
                handshake = Handshake(v2=v2, token=token or None)
                self.run(self.hub.connected(number, handshake, now))
            case Text(text):
                self.run(self.hub.text(number, text, now))
            case Pong(payload):
                self.run(self.hub.pong(number, payload, now))
            case Closing():
                socket.end.close()
            case PingFrame(payload):
                socket.put(Pong(payload))

    def writable(self, socket: Socket, writable: bool) -> None:
        """A socket's buffer has filled up, or has room again."""
        self.run(self.hub.writable(socket.number, writable, self.now()))

    def lost(self, socket: Socket) -> None:
        """A socket is gone."""
        if self.sockets.pop(socket.number, None):
            self.run(self.hub.disconnected(socket.number, self.now()))

    # From the links

    def link_up(self, link: str, welcome: pb.Welcome) -> None:
        """See LinkListener."""
        self.run(self.hub.link_up(link, welcome, self.now()))

    def link_heard(self, link: str, sent_us: int) -> None:
        """See LinkListener."""
        self.hub.link_heard(link, sent_us, self.now())

    def link_frame(self, link: str, frame: pb.AttachResponse) -> None:
        """See LinkListener."""
        self.run(self.hub.link_frame(link, frame, self.now()))

    def link_down(self, link: str) -> None:
        """See LinkListener."""
        self.run(self.hub.link_down(link, self.now()))

    # Doing

    def run(self, effects: Iterable[Effect]) -> None:
        """Do what the hub wants; buffers are looked at when all is written, as in `Edge`."""
        touched: dict[int, Socket] = {}
        for effect in effects:
            if isinstance(effect, ToRouter):
                self._links[effect.link].send(effect.request)
            elif isinstance(effect, Write | Ping | Close | Cut):
                socket = self.sockets.get(effect.session_id)
                if socket:
                    self._to_device(socket, effect)
                    touched[socket.number] = socket
        for socket in touched.values():
            socket.look()
        self._set_alarm()

    def _to_device(self, socket: Socket, effect: ForDevice) -> None:
        match effect:
            case Write(_, messages):
                for message in messages:
                    socket.put(Text(message.text.decode()))
            case Ping(_, payload):
                socket.put(PingFrame(payload))
            case Close(_, code, reason):
                socket.put(Closing(code, reason))
                asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, socket.end.close)
            case Cut():
                socket.end.close()

    def _set_alarm(self) -> None:
        at = self.hub.next_at
        if at is None or (self._alarm_at is not None and self._alarm_at <= at):
            return
        if self._alarm:
            self._alarm.cancel()
        self._alarm_at = at
        loop = asyncio.get_running_loop()
        self._alarm = loop.call_at(loop.time() + at - self.now(), self._ring)

    def _ring(self) -> None:
        assert self._alarm_at is not None
        # The way from one clock to the other and back rounds; virtual time would wait for ever.
        now = max(self.now(), self._alarm_at)
        self._alarm_at = None
        self.run(self.hub.due(now))


class Socket:
    """A device's connection at the edge, with its write buffer."""

    def __init__(self, shell: Shell, number: int, end: End, *, write_high: int, limit: int) -> None:
        self.number = number
        self.end = end
        self.buffered = 0  # bytes that the kernel has not taken
        self.limit = limit
        self._told = False  # the device was sent something
        self._shell = shell
        self._high = write_high
        self._paused = False
        self._out: deque[Frame] = deque()
        self._filled = asyncio.Event()

    def put(self, frame: Frame) -> None:
        """Write, without waiting."""
        self._told |= isinstance(frame, Text)
        self._out.append(frame)
        self.buffered += size_of(frame)
        self._filled.set()

    def look(self) -> None:
        """Tell the hub if too much waits now."""
        if self.buffered > self._high and not self._paused:
            self._paused = True
            self._shell.writable(self, False)

    async def write_out(self) -> None:
        """Hand to the kernel what waits, as it has room."""
        with suppress(Lost):
            while True:
                while not self._out:
                    self._filled.clear()
                    await self._filled.wait()
                frame = self._out.popleft()
                await self.end.send(frame, size_of(frame))
                self.buffered -= size_of(frame)
                if self._paused and self.buffered <= self._high // 4:
                    self._paused = False
                    self._shell.writable(self, True)

    async def read(self) -> None:
        """Take frames until the connection is gone."""
        with suppress(Lost):
            while True:
                frame = await self.end.receive()
                if self._told or not any(isinstance(each, Closing) for each in self.end.arrived()):
                    self._shell.frame(self, frame)
        self._filled.set()
        self._shell.lost(self)
