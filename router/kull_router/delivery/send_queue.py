"""What waits to be sent to one edge. PURE, bounded in bytes.

Control frames (answers) go first: they are bounded by the edge's own unanswered requests, and the
large ones, batches, wait for room. Pushes are dropped when the edge does not keep up; a Gap tells
so, and its sessions fetch instead. Answers that overtake pushes are harmless: the edge ignores
positions it has passed.
"""

from __future__ import annotations

from collections import deque

from kull_protos.mesh.v1.attach_pb2 import AttachResponse, Deliver, Entry, Gap, Push

_PUSH_OVERHEAD = 64  # bytes beside the frame itself, roughly
_MAX_UINT32 = 2**32 - 1


class SendQueueOverflow(Exception):
    """The edge reads nothing at all: its stream has to end."""


class SendQueue:
    """Frames for one edge, in order within each kind."""

    def __init__(self, *, limit_bytes: int, message_bytes: int = 256 * 1024) -> None:
        self._limit = limit_bytes
        self._message = message_bytes
        self._control: deque[AttachResponse] = deque()
        self._pushes: deque[tuple[str, int, int, Entry, float]] = deque()
        self._control_bytes = 0
        self._batch_bytes = 0
        self._push_bytes = 0
        self._gaps: dict[str, tuple[int, int, int]] = {}  # shard, term, first seq that is missing

    @property
    def bytes(self) -> int:
        """How many bytes wait."""
        return self._control_bytes + self._batch_bytes + self._push_bytes

    def __bool__(self) -> bool:
        return bool(self._control or self._pushes or self._gaps)

    def control(self, frame: AttachResponse) -> None:
        """Add an answer. Raises SendQueueOverflow when far too many wait already."""
        self._control_bytes += frame.ByteSize()
        if self._control_bytes > 4 * self._limit:
            raise SendQueueOverflow
        self._control.append(frame)

    def offer(self, frame: AttachResponse) -> bool:
        """Add an answer that may be left out. False: it was, the edge does not keep up."""
        if self._control_bytes and self._control_bytes + frame.ByteSize() > self._limit:
            return False
        self.control(frame)
        return True

    def batch(self, frame: AttachResponse) -> bool:
        """Add the answer to a fetch. False: there is no room yet; one always fits alone."""
        size = frame.ByteSize()
        if self._batch_bytes and self._batch_bytes + size > self._limit:
            return False
        self._batch_bytes += size
        self._control.append(frame)
        return True

    def push(self, address: str, shard: int, term: int, entry: Entry, stored: float = 0.0) -> bool:
        """Add a push. False: it was dropped, and a Gap will follow once the edge keeps up again.

        stored: when it was committed, by the clock of `take`; 0: not known.
        """
        size = len(entry.message) + _PUSH_OVERHEAD
        if address in self._gaps or self._push_bytes + size > self._limit:
            self._gaps[address] = (shard, term, self.missing_from(address) or entry.seq)
            return False
        self._pushes.append((address, shard, term, entry, stored))
        self._push_bytes += size
        return True

    def gap(self, address: str, shard: int, term: int) -> None:
        """Tell, behind the pushes that wait, that some of an address are missing."""
        self._gaps[address] = (shard, term, self.missing_from(address))

    def missing_from(self, address: str) -> int:
        """Return the first push that was dropped since the last Gap of an address; 0: none was."""
        _, _, first = self._gaps.get(address, (0, 0, 0))
        return first

    def take(self, now: float = 0.0) -> AttachResponse | None:
        """Remove and return the next frame, None if nothing waits. `now`: in seconds."""
        if self._control:
            frame = self._control.popleft()
            if frame.HasField("batch"):
                self._batch_bytes -= frame.ByteSize()
            else:
                self._control_bytes -= frame.ByteSize()
            return frame
        if self._pushes:
            return self._take_pushes(now)
        if self._gaps:
            address = next(iter(self._gaps))
            shard, term, _ = self._gaps.pop(address)
            return AttachResponse(gap=Gap(address=address, shard=shard, term=term))
        return None

    def _take_pushes(self, now: float) -> AttachResponse:
        runs: list[Push] = []
        size = 0
        while self._pushes and size < self._message:
            address, shard, term, entry, stored = self._pushes.popleft()
            size += len(entry.message) + _PUSH_OVERHEAD
            last = runs[-1] if runs else None
            if last is None or last.address != address or last.term != term:
                run = Push(address=address, shard=shard, term=term, entries=[entry])
                if stored:
                    run.waited_us = min(max(int((now - stored) * 1e6), 1), _MAX_UINT32)
                runs.append(run)
            else:
                last.entries.append(entry)
        self._push_bytes -= size
        return AttachResponse(deliver=Deliver(pushes=runs))
