"""What waits for one shard, in the order in which it came. PURE.

Of what only counts as the newest, an older one that still waits gives way: see `gives_way`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from kull_producers.events import batch, topology
from kull_producers.events.delivery_contract import Latest
from kull_producers.events.message import Message

T = TypeVar("T")
_SAME: Final = (
    topology.HEADER_CONTRACT, topology.HEADER_RUN, topology.HEADER_EXCLUDE, topology.HEADER_LATE,
)  # fmt: skip

_Key = tuple[str, str]


def gives_way(older: Message, newer: Message) -> bool:
    """Tell whether routers know the same of a key when they get `newer` only, of one publisher.

    Both must have been said for the newest alone, and `newer` must not be one that `older` would
    have made old news: a count that goes back. What begins a count anew stays, as does what an
    application has named: it may come again under that name.
    """
    old, new = older.headers, newer.headers
    if not (older.replaceable and newer.replaceable) or older.app_id != newer.app_id:
        return False
    if old[topology.HEADER_CONTRACT] != Latest.name or any(
        old.get(name) != new.get(name) for name in _SAME
    ):
        return False
    if not _number(old, topology.HEADER_VERSION) < _number(new, topology.HEADER_VERSION):
        return False
    if topology.HEADER_PROGRESS not in old and topology.HEADER_PROGRESS not in new:
        return True
    before, after = _progress(old), _progress(new)
    ends = before[1] and not after[1]  # people wait for this one
    return before <= after and not ends and (before[0] > 0 or after[0] == 0)


def _progress(headers: dict[str, str | int | bool]) -> tuple[int, bool]:
    return _number(headers, topology.HEADER_PROGRESS), bool(headers.get(topology.HEADER_FINAL))


def _number(headers: dict[str, str | int | bool], name: str) -> int:
    return int(headers.get(name, -1))


@dataclass(slots=True, eq=False)
class Waiting(Generic[T]):
    """A message in line, and all who wait for it.

    Attributes:
        callers: whose own message this is, or has given way to this one.
        record: of the message in a batch, once it was needed; empty: it cannot be in one.
    """

    message: Message
    callers: list[T]
    record: bytes | None = None

    def packed(self) -> bytes:
        """Return the record; empty: the message can only go alone."""
        if self.record is None:
            try:
                self.record = batch.record_of(self.message)
            except ValueError:
                self.record = b""
        return self.record


@dataclass(slots=True)
class BurstLine(Generic[T]):
    """The line of one shard. It is as long as it has callers: whoever calls bounds it."""

    _waiting: dict[int, Waiting[T]] = field(default_factory=dict)  # in order, by identity
    _last: dict[str, Waiting[T]] = field(default_factory=dict)  # by address
    _newest: dict[_Key, Waiting[T]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, message: Message, caller: T) -> Waiting[T]:
        """Put a message at the end of the line; return what the caller waits for.

        An older message that gives way is left out. The newer one takes its place in line only when
        nothing of the same address stands in between: else it would overtake that.
        """
        to, key = address_of(message), _key(message)
        waiting = self._newest.get(key) if key is not None else None
        if waiting is None or not gives_way(waiting.message, message):
            waiting = Waiting(message, [])
        elif self._last.get(to) is not waiting:
            del self._waiting[id(waiting)]
        waiting.message, waiting.record = message, None
        waiting.callers.append(caller)
        self._waiting[id(waiting)] = self._last[to] = waiting
        if key is not None:
            self._newest[key] = waiting
        return waiting

    def __iter__(self) -> Iterator[Waiting[T]]:
        return iter(list(self._waiting.values()))

    def take(self, *, together: bool) -> list[Waiting[T]]:
        """Take one from the front, or `together` what fits into one message.

        What cannot be in a batch is taken alone. The line must not be empty.
        """
        many = batch.MAX_EVENTS if together and len(self) > 1 else 1
        taken = list(islice(self._waiting.values(), many))
        if len(taken) > 1:
            taken = taken[: _fitting(taken)]
        for waiting in taken:
            self.remove(waiting)
        return taken

    def remove(self, waiting: Waiting[T]) -> None:
        """Take one out of the line, if it is still there."""
        if self._waiting.pop(id(waiting), None) is None:
            return
        to, key = address_of(waiting.message), _key(waiting.message)
        if self._last.get(to) is waiting:
            del self._last[to]
        if key is not None and self._newest.get(key) is waiting:
            del self._newest[key]


def _fitting(waiting: Sequence[Waiting[T]]) -> int:
    """Return how many from the front fit into one batch; 1 also when that can only go alone."""
    size = 0
    for count, each in enumerate(waiting):
        record = each.packed()
        size += len(record)
        if not record or size > batch.MAX_BYTES:
            return max(1, count)
    return len(waiting)


def address_of(message: Message) -> str:
    """Return whom a message is for; empty: it does not say."""
    return str(message.headers.get(topology.HEADER_ADDRESS, ""))


def _key(message: Message) -> _Key | None:
    key: Any = message.headers.get(topology.HEADER_KEY)
    return None if key is None else (address_of(message), str(key))
