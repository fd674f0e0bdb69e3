"""The places of calls that have failed: whoever repeats one gets its place again. PURE."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.events.stamp import Stamp

MAX_CALLS: Final = 10_000

_Call = tuple[object, ...]


class FailedCalls:
    """Remembers the stamps of the newest calls that have failed."""

    def __init__(self, *, max_calls: int = MAX_CALLS) -> None:
        self._max_calls = max_calls
        self._stamps: OrderedDict[_Call, Stamp] = OrderedDict()

    def take(self, messages: Sequence[Message]) -> Stamp | None:
        """Return the stamp of a failed call whose repeat these messages are, and forget it."""
        return self._stamps.pop(_call(messages), None) if self._stamps else None

    def add(self, messages: Sequence[Message], stamp: Stamp) -> None:
        """Remember the stamp of a call that failed; the oldest is forgotten for it."""
        self._stamps[_call(messages)] = stamp
        if len(self._stamps) > self._max_calls:
            self._stamps.popitem(last=False)


def _call(messages: Sequence[Message]) -> _Call:
    first = messages[0]
    addresses = tuple(each.headers[topology.HEADER_ADDRESS] for each in messages)
    return (first.message_id, first.type, first.app_id, addresses)
