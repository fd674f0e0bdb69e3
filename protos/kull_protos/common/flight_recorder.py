"""The last minutes of a node: what happened to queues and devices, in bounded memory. PURE.

A fact is written down once per batch or per step of a connection, never searched for while events
flow: whoever asks has all of them looked at. Deliveries have a ring of their own, so that a busy
queue does not push out why a device was refused. `router` and `edge` write down what they see
themselves, and only that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

DEFAULT_BYTES: Final = 16 * 2**20
MIN_BYTES: Final = 2**16
MAX_RECALLED: Final = 200  # facts of each ring in one answer, the newest
_FACT_BYTES: Final = 320  # with its numbers, and its texts' overhead


class Kind(StrEnum):
    """What happened, and which of a fact's fields say more."""

    # At a router, of a queue
    STORED = "stored"  # first..last under a term; text: the edges that took it; not for device_id
    REPLACED = "replaced"  # the entry at first, by the one at last
    DUPLICATE = "duplicate"  # event_id, again
    STALE = "stale"  # event_id; text: its key
    DEAD = "dead-lettered"  # event_id; text: why
    DROPPED = "dropped"  # pushes from first on for the edge in text, which did not keep up
    OWNED = "owned"  # a shard (code), since then, under a term
    # At a router, of a device
    SUBSCRIBED = "subscribed"  # continues behind first, the head was last; text: edge
    LOST = "lost"  # subscribed as well, but what it had not seen is gone
    REFUSED = "refused"  # with a close code; text: why
    EVICTED = "evicted"  # with a close code; text: why
    RELEASED = "released"  # its session is gone
    ACKNOWLEDGED = "acknowledged"  # up to last
    # At an edge
    PUSHED = "pushed"  # first..last came, and were written to whoever is live
    CAUGHT_UP = "caught-up"  # first..last were read from the log and written to this device
    CLOSED = "closed"  # the edge ended the connection, with a code; text: why
    GONE = "gone"  # the connection ended by itself
    UNWRITABLE = "unwritable"  # the device reads too slowly: its socket is full
    WRITABLE = "writable"  # it has room again
    THROTTLED = "throttled"  # the device sends more than it may, and is read more slowly


_RANGES: Final = frozenset({Kind.STORED, Kind.REPLACED, Kind.PUSHED, Kind.CAUGHT_UP})


class Fact(NamedTuple):
    """One thing that happened. `at`: seconds of the node's monotonic clock; positions are a seq."""

    kind: Kind
    at: float
    address: str = ""
    user_id: str = ""
    device_id: str = ""
    event_id: str = ""
    first: int = 0
    last: int = 0
    term: int = 0
    code: int = 0
    text: str = ""


class Query(NamedTuple):
    """What is asked for: an event by its id or its place, or a user's device (or all of them)."""

    event_id: str = ""
    address: str = ""
    seq: int = 0
    shard: int = -1
    user_id: str = ""
    device_id: str = ""

    def wants(self, fact: Fact) -> bool:
        """Whether a fact bears on it."""
        if fact.event_id:
            return fact.event_id == self.event_id
        if fact.kind is Kind.OWNED:
            return fact.code == self.shard
        if fact.user_id:
            if fact.user_id != self.user_id or self.device_id not in {"", fact.device_id}:
                return False
        elif fact.address != self.address:
            return False
        if not self.seq:
            return True
        if fact.kind in _RANGES:
            return fact.address == self.address and fact.first <= self.seq <= fact.last
        if fact.kind is Kind.ACKNOWLEDGED:
            return fact.address == self.address and fact.last >= self.seq
        return True


# A fact's fields, its kind as a plain text: what holds an enum's member is garbage to look through.
Row = tuple[str, float, str, str, str, str, int, int, int, int, str]


class FlightRecorder:
    """Keeps facts until their memory is needed for newer ones.

    limit_bytes: of memory, roughly; three quarters for what may happen with every event.
    """

    def __init__(self, limit_bytes: int = DEFAULT_BYTES) -> None:
        self._often_limit = limit_bytes * 3 // 4
        self._rare_limit = limit_bytes // 4
        self._often: deque[Row] = deque()
        self._rare: deque[Row] = deque()
        self._often_bytes = self._rare_bytes = 0
        self._forgotten = 0.0  # when the newest fact happened that is gone

    def note(self, fact: Fact) -> None:
        """Remember a step of a device's or an event's life that is no delivery."""
        self._rare.append(fact)
        self._rare_bytes += _size(fact)
        while self._rare_bytes > self._rare_limit:
            gone = self._rare.popleft()
            self._rare_bytes -= _size(gone)
            self._forgotten = max(self._forgotten, gone[1])

    def delivered(self, row: Row) -> None:
        """Remember what may happen with every event: a plain row, since a `Fact` takes longer."""
        self._often.append(row)
        self._often_bytes += _FACT_BYTES + len(row[2]) + len(row[5]) + len(row[10])
        while self._often_bytes > self._often_limit:
            gone = self._often.popleft()
            self._often_bytes -= _FACT_BYTES + len(gone[2]) + len(gone[5]) + len(gone[10])
            self._forgotten = max(self._forgotten, gone[1])

    @property
    def bytes(self) -> int:
        """How much memory the facts take, roughly."""
        return self._often_bytes + self._rare_bytes

    @property
    def since(self) -> float | None:
        """Since when nothing is missing; None: nothing has happened yet."""
        oldest = [ring[0][1] for ring in (self._often, self._rare) if ring]
        return max(self._forgotten, min(oldest)) if oldest else None

    def recall(self, query: Query, limit: int = MAX_RECALLED) -> list[Fact]:
        """Return the newest facts that bear on a question, oldest first; `limit` of each ring."""
        # None is nobody's: most rows have no user, and no event.
        where, who, what = query.address, query.user_id or None, query.event_id or None
        often = (
            _fact(row) for row in self._often if row[2] == where or row[3] == who or row[5] == what
        )
        found = [fact for fact in _first_acknowledged(often, query) if query.wants(fact)]
        owned = Kind.OWNED.value if query.shard >= 0 else None
        rare = [
            fact
            for row in self._rare
            if row[2] == where or row[3] == who or row[5] == what or row[0] == owned
            if query.wants(fact := _fact(row))
        ]
        return sorted(found[-limit:] + rare[-limit:], key=lambda fact: fact.at)


def _fact(row: Row) -> Fact:
    return Fact(Kind(row[0]), *row[1:])


def _first_acknowledged(facts: Iterable[Fact], query: Query) -> Iterator[Fact]:
    """Of a position leave out what each device has acknowledged after it."""
    had: set[str] = set()
    for fact in facts:
        if query.seq and fact.kind is Kind.ACKNOWLEDGED and query.wants(fact):
            if fact.device_id in had:
                continue
            had.add(fact.device_id)
        yield fact


def _size(row: Row) -> int:
    _, _, address, user, device, event, _, _, _, _, text = row
    return _FACT_BYTES + len(address) + len(user) + len(device) + len(event) + len(text)
