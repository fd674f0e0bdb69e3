"""The link over gRPC: one Attach stream to one router address."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Final

import grpc
import structlog

from kull_edge.link.certificates import ChannelCertificates
from kull_edge.link.channels import open_channel
from kull_edge.link.links import Links
from kull_edge.link.port import LinkListener
from kull_edge.link.send_queue import SendQueue
from kull_protos.common.backoff import full_jitter
from kull_protos.contract.attach import MESSAGE_BYTES
from kull_protos.mesh.v1.attach_pb2 import AttachRequest, AttachRequests, AttachResponse, Hello
from kull_protos.mesh.v1.attach_pb2_grpc import EdgeServiceStub

log = structlog.get_logger(__name__)

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
RETRY_BASE: Final = 0.2  # seconds
RETRY_CAP: Final = 2.0  # seconds: a standby that has just come back is of use with its edges
WELCOME_TIMEOUT: Final = 10.0  # seconds

# max_pings_without_data=0: gRPC would stop pinging a quiet stream, and a dead router go unnoticed.
OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
)
HOST_OPTIONS: Final = ("grpc.ssl_target_name_override", "grpc.default_authority")


class _Reset(Exception):
    """The stream is of no more use."""


class GrpcLink:
    """A `RouterLink` over gRPC.

    Args:
        target: `host:port` of the router; also the link's name.
        hello: how the edge introduces itself.
        rng: draws the waits between attempts.
        credentials: asked for each connection, so that new certificates need no restart; None, or
            an answer of None: plain text.
        max_bytes: what may wait for a router that does not keep up.
        now: seconds of the clock that connections' beginnings are told by; None: the event loop's.
        host: whose name the router's certificate has; empty: that of the target.
    """

    def __init__(
        self,
        target: str,
        hello: Hello,
        *,
        rng: random.Random,
        credentials: Callable[[], grpc.ChannelCredentials | None] | None = None,
        max_bytes: int = 33_554_432,
        now: Callable[[], float] | None = None,
        host: str = "",
    ) -> None:
        self.name = target
        self._host = host
        self._now = now or _loop_time
        self._hello = hello
        self._rng = rng
        self._credentials = credentials
        self._max_bytes = max_bytes
        self._send_queue: SendQueue | None = None
        self._welcomed = False

    @property
    def waiting_bytes(self) -> int:
        """See RouterLink."""
        return self._send_queue.bytes if self._send_queue else 0

    @property
    def up(self) -> bool:
        """See RouterLink."""
        return self._send_queue is not None

    def send(self, request: AttachRequest) -> None:
        """See RouterLink."""
        if self._send_queue:
            self._send_queue.put(request)

    async def flush(self) -> None:
        """See RouterLink."""
        if self._send_queue:
            await self._send_queue.wait_empty()

    async def run(self, listener: LinkListener) -> None:
        """See RouterLink."""
        attempt = 0
        while True:
            self._welcomed = False
            why = await self._apart(self._attempt(listener))
            attempt = 1 if self._welcomed else attempt + 1
            delay = full_jitter(attempt, base=RETRY_BASE, cap=RETRY_CAP, random=self._rng.random)
            level = log.warning if self._welcomed or attempt == 1 else log.debug
            level("router_link_lost", router=self.name, why=why, retry_in=round(delay, 3))
            await asyncio.sleep(delay)

    async def _apart(self, stream: Coroutine[Any, Any, str]) -> str:
        """Run in a task of its own: a TaskGroup may swallow a cancellation beside an error."""
        task = asyncio.create_task(stream, name=f"link-stream {self.name}")
        try:
            await asyncio.wait({task})
            return task.result()
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _attempt(self, listener: LinkListener) -> str:
        async with self._channel() as channel:
            return await self._stream(EdgeServiceStub(channel), listener)

    def _channel(self) -> grpc.aio.Channel:
        credentials = self._credentials() if self._credentials else None
        named = [(option, self._host) for option in HOST_OPTIONS] if self._host else []
        return open_channel(self.name, credentials, (*OPTIONS, *named))

    async def _stream(self, stub: Any, listener: LinkListener) -> str:
        """Live through one stream; return why it ended."""
        send_queue = SendQueue(self._max_bytes)
        send_queue.put(AttachRequest(hello=self._hello))
        call = stub.Attach()
        why = "unknown"
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write(call, send_queue), name=f"link-write {self.name}")
                group.create_task(self._overflow(send_queue), name=f"link-overflow {self.name}")
                group.create_task(
                    self._read(call, send_queue, listener), name=f"link-read {self.name}"
                )
        except* _Reset as resets:
            why = str(resets.exceptions[0])
        finally:
            self._send_queue = None
            call.cancel()
            if self._welcomed:
                listener.link_down(self.name)
        return why

    async def _write(self, call: Any, send_queue: SendQueue) -> None:
        while True:
            frames = await send_queue.get(MESSAGE_BYTES)
            try:
                sent = round(self._now() * 1000)
                await call.write(AttachRequests(frames=frames, sent=sent))
            except (grpc.RpcError, asyncio.InvalidStateError) as error:
                raise _Reset(_reason(error)) from error
            send_queue.done(len(frames))

    async def _overflow(self, send_queue: SendQueue) -> None:
        await send_queue.overflowed.wait()
        raise _Reset("the router does not keep up")

    async def _read(self, call: Any, send_queue: SendQueue, listener: LinkListener) -> None:
        frames = _frames(call, lambda sent_us: listener.link_heard(self.name, sent_us))
        try:
            async with asyncio.timeout(WELCOME_TIMEOUT):
                first = await anext(frames, None)
            if first is None or first.WhichOneof("frame") != "welcome":
                raise _Reset(await self._ending(call))
            self._welcomed, self._send_queue = True, send_queue
            log.info("router_link_up", router=self.name, router_id=first.welcome.router_id)
            listener.link_up(self.name, first.welcome)
            async for frame in frames:
                listener.link_frame(self.name, frame)
            raise _Reset(await self._ending(call))
        except TimeoutError:
            raise _Reset("no Welcome in time") from None
        except grpc.RpcError as error:
            raise _Reset(_reason(error)) from error

    async def _ending(self, call: Any) -> str:
        if not call.done():
            return "the router did not begin with Welcome"
        return f"{(await call.code()).name}: {await call.details()}"


async def _frames(call: Any, heard: Callable[[int], None]) -> AsyncIterator[AttachResponse]:
    while (message := await call.read()) is not grpc.aio.EOF:
        heard(message.sent_us)
        for frame in message.frames:
            yield frame


def _reason(error: BaseException) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return repr(error)


def links_to(
    routers: Sequence[str],
    names: Sequence[str],
    hello: Hello,
    *,
    rng: random.Random,
    certificates: ChannelCertificates,
) -> Links:
    """Return links to routers (`host:port`), and to those that names in the DNS stand for."""

    def link(target: str, host: str) -> GrpcLink:
        return GrpcLink(target, hello, rng=rng, credentials=certificates.credentials, host=host)

    return Links((link(router, "") for router in routers), names=names, make=link)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
