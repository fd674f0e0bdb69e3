"""The link's twin without a network: for tests, and for a router in the same process."""

from __future__ import annotations

import asyncio

from kull_edge.link.port import LinkListener
from kull_edge.link.send_queue import SendQueue
from kull_protos.mesh.v1.attach_pb2 import AttachRequest, AttachResponse, Hello


class StreamClosed(Exception):
    """The stream has ended; nothing more can be received."""


class MemoryStream:
    """The router's end of one stream."""

    def __init__(self, send_queue: SendQueue) -> None:
        self._send_queue = send_queue
        self.responses: asyncio.Queue[AttachResponse | None] = asyncio.Queue()
        self.closed = asyncio.Event()

    async def receive(self) -> AttachRequest:
        """Wait for the edge's next frame; the first one is Hello. Raises StreamClosed."""
        get = asyncio.create_task(self._send_queue.get(), name="memory-stream-get")
        closed = asyncio.create_task(self.closed.wait(), name="memory-stream-closed")
        try:
            await asyncio.wait({get, closed}, return_when=asyncio.FIRST_COMPLETED)
            if not get.done():
                raise StreamClosed
            (request,) = get.result()
            self._send_queue.done()
            return request
        finally:
            get.cancel()
            closed.cancel()

    def send(self, response: AttachResponse) -> None:
        """Send a frame to the edge."""
        if not self.closed.is_set():
            self.responses.put_nowait(response)

    def close(self) -> None:
        """End the stream, after the frames sent so far."""
        self.closed.set()
        self.responses.put_nowait(None)


class MemoryListener:
    """Where memory links knock: the place of a router's gRPC server."""

    def __init__(self) -> None:
        self._streams: asyncio.Queue[MemoryStream] = asyncio.Queue()
        self._open = asyncio.Event()
        self._open.set()

    async def accept(self) -> MemoryStream:
        """Wait for a link to open a stream."""
        return await self._streams.get()

    def stop(self) -> None:
        """Refuse new streams until `start`."""
        self._open.clear()

    def start(self) -> None:
        """Take new streams."""
        self._open.set()

    async def connect(self, stream: MemoryStream) -> None:
        """Hand over the router's end of a new stream, waiting while streams are refused."""
        await self._open.wait()
        self._streams.put_nowait(stream)


class MemoryLink:
    """A `RouterLink` to a `MemoryListener`."""

    def __init__(
        self, listener: MemoryListener, hello: Hello, *, name: str, max_bytes: int = 33_554_432
    ) -> None:
        self.name = name
        self._router = listener
        self._hello = hello
        self._max_bytes = max_bytes
        self._send_queue: SendQueue | None = None

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
        while True:
            send_queue = SendQueue(self._max_bytes)
            stream = MemoryStream(send_queue)
            await self._router.connect(stream)
            send_queue.put(AttachRequest(hello=self._hello))
            overflow = asyncio.create_task(
                self._reset_on_overflow(send_queue, stream), name="memory-link-overflow"
            )
            try:
                await self._read(stream, send_queue, listener)
            finally:
                overflow.cancel()
                stream.closed.set()

    async def _reset_on_overflow(self, send_queue: SendQueue, stream: MemoryStream) -> None:
        await send_queue.overflowed.wait()
        stream.close()

    async def _read(
        self, stream: MemoryStream, send_queue: SendQueue, listener: LinkListener
    ) -> None:
        try:
            while (response := await stream.responses.get()) is not None:
                if response.WhichOneof("frame") == "welcome":
                    self._send_queue = send_queue
                    listener.link_up(self.name, response.welcome)
                else:
                    listener.link_frame(self.name, response)
        finally:
            if self._send_queue:
                self._send_queue = None
                listener.link_down(self.name)
