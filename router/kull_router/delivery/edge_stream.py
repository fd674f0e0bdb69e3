"""One attached edge as the router sees it: what goes out, and how much may be unanswered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kull_protos.common.peer_clock import PeerClock
from kull_protos.contract.limits import MAX_NODE_ID_CHARS
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.send_queue import SendQueue, SendQueueOverflow


class Slots(asyncio.Semaphore):
    """A semaphore that tells how many have it."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._limit = limit

    @property
    def used(self) -> int:
        """How many have it now."""
        return self._limit - self._value


class EdgeStream:
    """The outbound half of a stream. Sending never waits; `next` is what the writer waits on.

    now: seconds of the router's monotonic clock, by which pushes say how long they have waited.
    """

    def __init__(
        self,
        number: int,
        hello: pb.Hello,
        *,
        send_queue: SendQueue,
        attached_ms: int,
        subscribes: int,
        fetches: int,
        publishes: int,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._now = now
        self.number = number
        self.node_id = hello.node_id[:MAX_NODE_ID_CHARS]
        self.version = hello.version[:MAX_NODE_ID_CHARS]
        self.attached_ms = attached_ms
        self.clock = PeerClock()
        self._send_queue = send_queue
        # How many requests of each kind may be unanswered.
        self.subscribes = Slots(subscribes)
        self.fetches = Slots(fetches)
        self.publishes = Slots(publishes)
        self._wake = asyncio.Event()
        self._taken = asyncio.Event()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the stream has ended: nothing more will be sent."""
        return self._closed

    @property
    def waiting_bytes(self) -> int:
        """How many bytes of frames wait to be sent."""
        return self._send_queue.bytes

    def session_name(self, session_id: int) -> str:
        """Return what a session of this edge is called in WELCOME, for logs."""
        return f"{self.node_id}/{session_id}"

    def send(self, frame: pb.AttachResponse) -> None:
        """Queue an answer. An edge that reads nothing at all loses its stream."""
        if self._closed:
            return
        try:
            self._send_queue.control(frame)
        except SendQueueOverflow:
            self.close()
        self._wake.set()

    def offer(self, frame: pb.AttachResponse) -> bool:
        """Queue what can be made good later; False: the edge is too slow for it now."""
        if self._closed:
            return True
        self._wake.set()
        return self._send_queue.offer(frame)

    async def send_batch(self, frame: pb.AttachResponse) -> None:
        """Queue the answer to a fetch once there is room for it, or the stream has ended."""
        while not self._closed and not self._send_queue.batch(frame):
            self._taken.clear()
            await self._taken.wait()
        self._wake.set()

    def push(
        self, address: str, shard: int, term: int, entry: pb.Entry, stored: float = 0.0
    ) -> bool:
        """Queue a push; False if it was dropped (a Gap follows). `stored`: see `SendQueue.push`."""
        if self._closed:
            return True
        self._wake.set()
        return self._send_queue.push(address, shard, term, entry, stored)

    def missing_from(self, address: str) -> int:
        """See `SendQueue.missing_from`."""
        return self._send_queue.missing_from(address)

    def gap(self, address: str, shard: int, term: int) -> None:
        """Queue a Gap, behind the pushes that wait."""
        if not self._closed:
            self._wake.set()
            self._send_queue.gap(address, shard, term)

    async def next(self, up_to: int = 0) -> list[pb.AttachResponse]:
        """Wait for frames to send; return those that wait, and stop when they have `up_to` bytes.

        Empty: the stream has ended.
        """
        while not self._closed:
            frames = self._take(up_to)
            if frames:
                self._taken.set()
                return frames
            self._wake.clear()
            await self._wake.wait()
        return []

    def _take(self, up_to: int) -> list[pb.AttachResponse]:
        frames: list[pb.AttachResponse] = []
        enough = self._send_queue.bytes - up_to  # the queue knows the sizes already
        now = self._now()
        while (frame := self._send_queue.take(now)) is not None:
            frames.append(frame)
            if self._send_queue.bytes <= enough:
                break
        return frames

    def close(self) -> None:
        """End the stream: the writer stops. Idempotent."""
        self._closed = True
        self._wake.set()
        self._taken.set()
