"""The port between the router and its database: queues, devices and cursors. PURE.

Adapters: `memory.MemoryStore` (the twin), `sql.sqlite.SqliteStore`, `sql.postgres.PostgresStore`;
`tests/contract/store` holds them to the same promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Final, Protocol

from kull_router.errors import Fenced
from kull_router.queues.entry import Entry, Event
from kull_router.queues.retention import Retention

MAX_TRACES: Final = 100  # an event for many users bears one id
FIRST: Final = ("", "")  # before all devices


@dataclass(frozen=True, slots=True)
class Stored:
    """The event got this position; it replaced the entry at `replaced` (0: none)."""

    seq: int
    replaced: int = 0


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An event of this id, type and service was stored before."""


@dataclass(frozen=True, slots=True)
class Stale:
    """The queue holds, or held, a newer one of this key: see `newest`."""


Outcome = Stored | Duplicate | Stale


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """A device as its user's other devices see it."""

    user: str
    device: str
    name: str = ""
    platform: str = ""
    ephemeral: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """A device wants to follow a queue, at the owner of its shard of that term.

    position: what the device says it processed last, None if it says nothing.
    history: how many of the last entries it gets if it has never been there and says nothing.
    """

    shard: int
    term: int
    address: str
    device: DeviceInfo
    position: int | None
    history: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Where a device continues in a queue.

    Attributes:
        head: seq of the newest entry.
        after: deliver from here on.
        initial_head: entries up to here go to the device only as current state (see `Store.read`).
        recovered: false if entries the device has not seen are gone: it must refetch its state.
        first: the device says nothing, and nothing that it has acknowledged is known.
    """

    head: int
    after: int
    initial_head: int
    recovered: bool
    first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A run of entries in order. Complete up to `through`; `lost`: retention has passed `after`."""

    entries: Sequence[Entry]
    through: int
    head: int
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorUpdate:
    """A device has processed a queue up to seq."""

    address: str
    user: str
    device: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDevice:
    """A device row with its cursor in one queue; see `Attachment` for `initial_head`.

    follows: whether it has a cursor there; if not, `cursor` is 0.
    """

    info: DeviceInfo
    cursor: int
    last_seen_ms: int
    initial_head: int = 0
    follows: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What is left of an event of an address.

    Attributes:
        seq: where it was stored; 0: a version that did not note that has stored it.
        stored_ms: when.
        entry: as it lies in its queue, None if it does not any more.
    """

    address: str
    type: str
    service: str
    seq: int
    stored_ms: int
    entry: Entry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueInfo:
    """A queue's vital figures. Entries up to `floor` may have been trimmed."""

    address: str
    head: int
    floor: int
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A device that has not acknowledged all of its user's own queue.

    Attributes:
        positions: so many are missing.
        since_ms: when the oldest entry was stored that it has not acknowledged, as `created_ms` of
            events; None: none of them is kept.
    """

    device: KnownDevice
    positions: int
    since_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What devices, connected or not, have not acknowledged in their users' own queues.

    Attributes:
        devices: how many are behind.
        positions: by how many, all together.
        since_ms: the smallest of `Behind.since_ms`.
        worst: those that are furthest behind, that first.
        after: the devices behind this one, user and id, were not looked at; None: all were.
    """

    devices: int = 0
    positions: int = 0
    since_ms: int | None = None
    worst: Sequence[Behind] = ()
    after: tuple[str, str] | None = None

    def joined(self, more: Backlog, worst: int) -> Backlog:
        """Return this one with what was found behind `after`; so many are named."""
        moments = [each for each in (self.since_ms, more.since_ms) if each is not None]
        return Backlog(
            devices=self.devices + more.devices,
            positions=self.positions + more.positions,
            since_ms=min(moments, default=None),
            worst=nlargest(worst, [*self.worst, *more.worst], key=lambda each: each.positions),
            after=more.after,
        )


class Store(Protocol):
    """Durable queues. Every call is atomic; calls may run concurrently.

    `shard` and `term` fence writes: a call with a term other than the shard's current one raises
    Fenced and changes nothing.
    """

    @property
    def epoch(self) -> str:
        """Identity of the stored logs; new after a loss or a restore."""
        ...

    @property
    def time_ms(self) -> int:
        """The latest moment that `trim` was given, also before it was opened; 0: never."""
        ...

    async def claim(self, shard: int, owner: str) -> int:
        """Raise the shard's term by one, note its owner and return the new term."""
        ...

    async def append(
        self, shard: int, term: int, events: Sequence[Event], now_ms: int
    ) -> list[Outcome]:
        """Store events in order and return one outcome for each. Durable on return.

        Ids are remembered per address for `Retention.dedupe_age`, independently of the entries.
        A LATEST event replaces the kept entry of its key (that seq is gone from reads), unless its
        version is lower: then it is Stale. Versions are remembered past trimming, for
        `entry_age` + `dedupe_age` after their last change.
        Queues over their budgets lose their oldest entries of that contract; `floor` follows.
        EPHEMERAL events must not be passed.

        Raises:
            Fenced: another owner holds the shard. Nothing was stored.
            StoreUnavailable: try again. Nothing was stored, unless the answer to the commit was
                lost: then the events are duplicates the next time.
            StoreRefused: never with these events as they are, though the database works: at least
                one is at fault. None was stored.
            BadEvent: exactly one event can never be stored (its index is given); none was stored.
        """
        ...

    async def attach(self, wanted: Sequence[Attach], now_ms: int) -> list[Attachment]:
        """Note that a device follows queues and say where it continues. Durable on return.

        Without a position its stored cursor counts. Between floor and head: recovered from there.
        Older than the floor or beyond the head: `recovered` is false, after = 0 and initial_head =
        head (the current state, then what comes next). A device without cursor gets the same but
        with `recovered` true; if it wants a history, initial_head lies before the last `history`
        entries that are kept above the floor, so that `read` returns those as well.

        What is stored already is not written again: a device whose description and cursors have
        not changed, and that was here within `seen_again_ms`, costs no write.

        Raises: Fenced, for all of them if one shard has another owner; StoreUnavailable.
        """
        ...

    async def read(
        self, address: str, *, after: int, limit: int, max_bytes: int, initial_head: int = 0
    ) -> Page:
        """Return entries with seq > after in order.

        Up to `initial_head` only current state is returned: LATEST entries that are not final.
        Stops at `limit` entries or before bodies exceed `max_bytes`, but has at least one entry if
        there is one. `through` is the last position covered: the head when nothing was cut off.
        `lost` is true when after (if > initial_head) is below the floor. Raises: StoreUnavailable.
        """
        ...

    async def advance(self, cursors: Sequence[CursorUpdate], now_ms: int) -> None:
        """Move cursors forward, at most to the head; they never go back, unknown ones are skipped.

        A user's own queue is trimmed up to what all its stable (not ephemeral) devices have
        processed, except for the newest non-final entry of each key. `all` and rooms are not.
        What is younger than `ephemeral_device_age` stays until a later call (or `trim`), so that a
        browser tab that is behind the user's phone, or back from a tunnel, still gets it.
        """
        ...

    async def touch(self, device: DeviceInfo, now_ms: int) -> None:
        """Note that a known device was here just now (its age starts again); others are skipped."""
        ...

    async def devices(self, user: str, queue: str = "") -> list[KnownDevice]:
        """Return the user's known devices, in order of their ids.

        queue: the address of which they have cursors; empty: the user's own. 0: it has none.
        """
        ...

    async def users(self, prefix: str, *, after: str = "", limit: int = 100) -> list[str]:
        """Return users with devices or a queue whose ids begin with `prefix`, in order.

        Only ids > after. What this costs does not depend on how many others there are.
        """
        ...

    async def backlog(
        self, after: tuple[str, str] = FIRST, *, devices: int = 5_000, worst: int = 100
    ) -> Backlog:
        """Return which devices are behind in their users' own queues; at most `worst` by name.

        Looks at so many devices behind one, by user and id, connected or not. What lay there before
        a device came, and was not its to get, does not count.
        """
        ...

    async def find(self, event_id: str, address: str = "") -> list[Trace]:
        """Return the events of this id whose ids are remembered, in order of their addresses.

        At most MAX_TRACES. `address`: only there, and what lies there still if its id is
        remembered no more.
        """
        ...

    async def forget(self, user: str, device: str) -> None:
        """Remove a device with its cursors; its next attach is that of a new device."""
        ...

    async def queues(self, *, after: str = "", limit: int = 100) -> list[QueueInfo]:
        """Return queues with address > after, in address order."""
        ...

    async def queue(self, address: str) -> QueueInfo | None:
        """Return one queue's figures, or None if nothing was ever stored in it."""
        ...

    async def trim(self, now_ms: int) -> int:
        """Apply the ages of `Retention` and return how many entries, ids and devices went.

        The moment is kept, see `time_ms`. Entries go by age from the oldest on. Those that
        `advance` would trim now go as well. Actions (see `AuditLog`) go by age, and do not count.
        """
        ...

    async def aclose(self) -> None:
        """Finish running calls and close. Idempotent."""
        ...


__all__ = [
    "FIRST",
    "Attach",
    "Attachment",
    "Backlog",
    "Behind",
    "CursorUpdate",
    "DeviceInfo",
    "Duplicate",
    "Fenced",
    "KnownDevice",
    "Outcome",
    "Page",
    "QueueInfo",
    "Retention",
    "Stale",
    "Store",
    "Stored",
    "Trace",
]
