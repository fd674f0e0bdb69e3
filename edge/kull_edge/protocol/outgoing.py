"""A message as it goes to many devices, and its WebSocket frame, built once. PURE."""

from __future__ import annotations

from kull_protos.contract.event_types import PRESENCE
from kull_protos.mesh.v1.attach_pb2 import Entry


class OutMessage:
    """One message for devices, shared by all sessions that get it.

    Attributes:
        text: UTF-8 JSON.
        seq: position in its queue; 0: not stored.
        exclude: the device that must not get it; empty: none.
        presence: whether it tells of a device that came or went.
        trace: traceparent of the step that has stored it; empty: it is not traced.
        published: when its publisher said it, in seconds of the edge's monotonic clock as far as
            that can be told; 0: not known.
    """

    __slots__ = ("_wire", "exclude", "presence", "published", "seq", "text", "trace")

    def __init__(
        self,
        text: bytes,
        *,
        seq: int = 0,
        exclude: str = "",
        presence: bool = False,
        trace: str = "",
    ) -> None:
        self.text = text
        self.seq = seq
        self.exclude = exclude
        self.presence = presence
        self.trace = trace
        self.published = 0.0
        self._wire = b""

    @classmethod
    def of(cls, entry: Entry, stored: float = 0.0) -> OutMessage:
        """Return the message of a queue's entry. `stored`: as `published`, of its commit."""
        message = cls(
            entry.message,
            seq=entry.seq,
            exclude=entry.exclude_device_id,
            presence=entry.type in PRESENCE,
            trace=entry.traceparent,
        )
        if stored and entry.HasField("age_ms"):
            message.published = stored - entry.age_ms / 1000
        return message

    @property
    def wire(self) -> bytes:
        """The uncompressed WebSocket frame; servers do not mask, so it fits every socket."""
        if not self._wire:
            self._wire = text_frame(self.text)
        return self._wire


def text_frame(payload: bytes) -> bytes:
    """Return an unmasked, final WebSocket text frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload
