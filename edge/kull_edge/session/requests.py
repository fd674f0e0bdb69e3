"""What a device has asked of its user's router and is owed an answer to. PURE."""

from __future__ import annotations

from collections.abc import Iterator

from kull_edge.protocol.messages import Ref
from kull_edge.session.effects import Effect, Limited
from kull_edge.session.rates import Rates
from kull_edge.session.replies import Replies
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1.attach_pb2 import Published


class Requests:
    """The open ones, at most `limit`.

    Args:
        ids: numbers that are unique within the edge.
    """

    __slots__ = ("_ids", "_limit", "_open", "_rates", "_replies")

    def __init__(self, replies: Replies, *, ids: Iterator[int], limit: int, rates: Rates) -> None:
        self._replies = replies
        self._ids = ids
        self._limit = limit
        self._rates = rates
        self._open: dict[int, Ref] = {}

    def begin(self, ref: Ref) -> int:
        """Open a request and return its id; its answer names the device's `ref`."""
        request_id = next(self._ids)
        self._open[request_id] = ref
        return request_id

    def refusal(self, ref: Ref, now: float) -> list[Effect]:
        """Return what to tell a device whose message is right, only too early."""
        if wait := self._rates.message(now):
            why = f"this device sends too many: wait {wait:.1f} s, then send the newest"
            return [Limited("messages"), *self._replies.error(ErrorCode.RATE_LIMITED, why, ref)]
        return self.full(ref)

    def full(self, ref: Ref) -> list[Effect]:
        """Return what to tell a device that has too many open requests, whatever its rate."""
        if len(self._open) < self._limit:
            return []
        return self._replies.error(ErrorCode.BUSY, "wait until earlier messages are answered", ref)

    def answered(self, answer: Published) -> list[Effect]:
        """A router has answered; what nobody waits for is ignored."""
        if answer.request_id not in self._open:
            return []
        ref = self._open.pop(answer.request_id)
        if answer.error_code:
            return self._replies.error(answer.error_code, answer.error, ref)
        return self._replies.accepted(answer.event_id, ref)

    def orphaned(self) -> list[Effect]:
        """Nobody will answer: forget the open ones and tell so."""
        refs = list(self._open.values())
        self._open.clear()
        return [effect for ref in refs for effect in self._replies.unavailable(ref)]
