"""From bytes to AMQP frames. PURE."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from kull_router.broker.amqp.errors import BadFrame

METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
HEARTBEAT: Final = 8

MAX_FRAME: Final = 131_072  # bytes; RabbitMQ's default, and what we accept at most
OVERHEAD: Final = 8  # bytes of a frame around its payload
_END: Final = 0xCE
_HEAD: Final = struct.Struct(">BHI")


class Frame(NamedTuple):
    """One frame as it came."""

    kind: int
    channel: int
    payload: bytes


class FrameReader:
    """Cuts a stream of bytes into frames. Holds at most one incomplete frame."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that are complete now. Raises BadFrame."""
        data = self._rest + data if self._rest else data
        frames: list[Frame] = []
        at, end = 0, len(data)
        while end - at >= OVERHEAD:
            kind, channel, size = _HEAD.unpack_from(data, at)
            if kind not in {METHOD, HEADER, BODY, HEARTBEAT} or size > MAX_FRAME:
                raise BadFrame("the server does not speak AMQP 0-9-1: is the port right?")
            start, stop = at + _HEAD.size, at + _HEAD.size + size
            if stop >= end:
                break
            if data[stop] != _END:
                raise BadFrame("a frame does not end where it should")
            frames.append(Frame(kind, channel, data[start:stop]))
            at = stop + 1
        self._rest = data[at:]
        return frames
