"""Frames that wait to be sent to one router, bounded in bytes."""

from __future__ import annotations

import asyncio
from collections import deque

from kull_protos.mesh.v1.attach_pb2 import AttachRequest


class SendQueue:
    """Between synchronous senders and one writing task.

    `overflowed` is set when more than `max_bytes` wait: the stream is to be reset.
    """

    def __init__(self, max_bytes: int) -> None:
        self.overflowed = asyncio.Event()
        self._max_bytes = max_bytes
        self._frames: deque[tuple[AttachRequest, int]] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def bytes(self) -> int:
        """How many bytes wait."""
        return self._bytes

    def put(self, frame: AttachRequest) -> None:
        """Add a frame; it is dropped once the queue has overflowed."""
        if self.overflowed.is_set():
            return
        size = frame.ByteSize()
        if self._bytes + size > self._max_bytes:
            self.overflowed.set()
            return
        self._frames.append((frame, size))
        self._bytes += size
        self._empty.clear()
        self._filled.set()

    async def get(self, up_to: int = 0) -> list[AttachRequest]:
        """Wait for frames; return those that wait, and stop when they have `up_to` bytes.

        They count as waiting until `done`. Cancelling loses nothing.
        """
        while not self._frames:
            self._filled.clear()
            await self._filled.wait()
        taken: list[AttachRequest] = []
        total = 0
        for frame, size in self._frames:
            taken.append(frame)
            total += size
            if total >= up_to:
                break
        return taken

    def done(self, count: int = 1) -> None:
        """So many of the frames that `get` returned have been handed on."""
        for _ in range(count):
            _, size = self._frames.popleft()
            self._bytes -= size
        if not self._frames:
            self._empty.set()

    async def wait_empty(self) -> None:
        """Wait until nothing waits."""
        await self._empty.wait()
