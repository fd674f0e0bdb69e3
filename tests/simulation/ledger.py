"""What was confirmed, stored and delivered, and what of it must not be. PURE.

`wrote` sees every call that took effect in the database; devices and publishers tell the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.queues.entry import Contract, Event
from kull_router.queues.port import DeviceInfo, Outcome, Retention, Stale, Stored
from kull_router.queues.rules import Cursor
from kull_router.sessions.registry import Presence
from tests.simulation.newest import KeyHistory

ALL = "all"
Place = tuple[str, str, str]  # address, key, run


@dataclass(frozen=True, slots=True)
class Said:
    """What one run of a publisher says of a key of an address, and its place among that."""

    place: Place
    version: int

    @classmethod
    def by(cls, message: Message) -> Said | None:
        """Return what a message says if it only counts as the newest."""
        names = (topology.HEADER_ADDRESS, topology.HEADER_KEY, topology.HEADER_RUN)
        headers = message.headers
        if any(name not in headers for name in names):
            return None
        address, key, run = (str(headers[name]) for name in names)
        return cls((address, key, run), int(headers[topology.HEADER_VERSION]))


@dataclass(slots=True)
class Log:
    """Everything that was ever stored in one queue, and what of it should still be there."""

    every: dict[int, Event] = field(default_factory=dict)  # by seq, nothing ever removed
    ids: set[str] = field(default_factory=set)
    newest: dict[str, int] = field(default_factory=dict)  # by key
    keys: dict[str, KeyHistory] = field(default_factory=lambda: defaultdict(KeyHistory))
    kept: set[int] = field(default_factory=set)
    floor: int = 0

    def add(self, seq: int, event: Event) -> None:
        if event.contract is Contract.LATEST:
            self.kept.discard(self.newest.get(event.key, 0))
            self.newest[event.key] = seq
        self.every[seq] = event
        self.ids.add(event.id)
        self.kept.add(seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is stored at one moment.

    Attributes:
        floors: of queues, by address.
        kept: the entries' contracts, by address and seq.
        cursors: by user, device and address.
        stable: the devices (user, device) that are not ephemeral.
    """

    floors: Mapping[str, int]
    kept: Mapping[str, Mapping[int, Contract]]
    cursors: Mapping[tuple[str, str, str], Cursor]
    stable: Set[tuple[str, str]]


@dataclass(slots=True, kw_only=True)
class Book:
    """What one device has got. `since`: per queue, from where on it must have everything."""

    name: str
    user: str
    v2: bool
    tab: bool  # its device id is generated anew for each connection
    ids: list[str] = field(default_factory=list)
    since: dict[str, int] = field(default_factory=dict)
    got: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    last: dict[tuple[object, str], int] = field(default_factory=lambda: defaultdict(int))
    deliveries: int = 0

    @property
    def addresses(self) -> tuple[str, str]:
        return f"user:{self.user}", ALL


class Ledger:
    """See the module's text."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self.violations: list[str] = []
        self.on_violation: Callable[[str], object] = lambda _: None
        self.logs: dict[str, Log] = defaultdict(Log)
        self.books: dict[str, Book] = {}
        self.confirmed: set[tuple[str, str]] = set()  # (address, id)
        self._stale: set[tuple[str, str]] = set()
        self._first_heads: dict[tuple[str, str, str], int] = {}  # (user, device id, address)
        self._cursors: dict[tuple[str, str, str], int] = {}
        self._called_again: set[str] = set()
        self._destroyed: set[str] = set()
        self._detoured: set[str] = set()
        self._bad: set[str] = set()
        self._buried: set[str] = set()
        self._owed: dict[Place, int] = {}  # versions that publishers were told are safe
        self._reached: dict[Place, int] = {}  # versions that the database has seen
        self._order: dict[tuple[str, str], int] = {}  # (address, publisher's line) -> last number

    def blame(self, what: str) -> None:
        """Note a violation, once."""
        if what not in self.violations:
            self.violations.append(what)
            self.on_violation(what)

    # What happens in the database

    def wrote(
        self, name: str, args: Sequence[Any], result: Any, snapshot: Callable[[], Snapshot]
    ) -> None:
        """A call took effect; `snapshot` tells what is stored since then."""
        if name == "append":
            self._appended(args[2], result)
        if name not in {"append", "attach", "advance", "trim"}:
            return
        now = snapshot()
        if name == "attach":
            for one, attachment in zip(args[0], result, strict=True):
                who = one.device
                self._attached(now, one.address, who.user, who.device, first=attachment.first)
        else:
            self._check_kept(now)
        if name != "append":
            self._check_cursors(now)

    def _appended(self, events: Sequence[Event], outcomes: Sequence[Outcome]) -> None:
        for event, outcome in zip(events, outcomes, strict=True):
            log = self.logs[event.address]
            if isinstance(outcome, Stored):
                if event.id in log.ids:
                    self.blame(f"stored twice: {event.id} in {event.address}")
                if outcome.seq in log.every:
                    self.blame(f"two entries with seq {outcome.seq} in {event.address}")
                self._check_newest(log, event, stale=False)
                log.add(outcome.seq, event)
                self._check_order(event)
            elif isinstance(outcome, Stale):
                self._check_newest(log, event, stale=True)
                self._stale.add((event.address, event.id))
            if event.contract is Contract.LATEST:
                self._reach(Said((event.address, event.key, event.run), event.version))

    def _reach(self, said: Said) -> None:
        self._reached[said.place] = max(said.version, self._reached.get(said.place, 0))

    def _check_newest(self, log: Log, event: Event, *, stale: bool) -> None:
        """Old news of a key must not replace newer ones, nor the newest be dropped."""
        if event.contract is Contract.LATEST:
            key = log.keys[event.key]
            if wrong := key.dropped(event) if stale else key.stored(event):
                self.blame(wrong)

    def _check_order(self, event: Event) -> None:
        """Credits are named `<publisher>/<number>`, numbered in the order of the calls."""
        line, slash, number = event.id.rpartition("/")
        late = self._called_again | self._detoured
        if event.contract is not Contract.EVERY or not slash or event.id in late:
            return
        if int(number) < self._order.get((event.address, line), 0):
            self.blame(f"out of the publisher's order: {event.id} in {event.address}")
        self._order[event.address, line] = int(number)

    def _attached(
        self, now: Snapshot, address: str, user: str, device: str, *, first: bool
    ) -> None:
        if first:  # told in WELCOME: the application fetches everything by itself
            cursor = now.cursors[user, device, address]
            self._first_heads.setdefault((user, device, address), cursor.initial_head)

    def _check_kept(self, now: Snapshot) -> None:
        for address, kept in now.kept.items():
            log = self.logs[address]
            log.floor = now.floors[address]
            if log.kept == kept.keys():
                continue
            for seq in sorted(log.kept - kept.keys()):
                if seq > log.floor or not self._may_go(now, address, seq):
                    event = log.every[seq]
                    self.blame(f"dropped from {address}: seq {seq}, {event.type} {event.id}")
            for seq in sorted(kept.keys() - log.kept):
                self.blame(f"not removed from {address}: seq {seq}")
            log.kept = set(kept)

    def _may_go(self, now: Snapshot, address: str, seq: int) -> bool:
        """Whether retention covers it: over the budget, or no stable device needs it any more."""
        event = self.logs[address].every[seq]
        every = event.contract is Contract.EVERY
        budget = self._retention.every_entries if every else self._retention.latest_entries
        left = [other for other, of in now.kept[address].items() if of is event.contract]
        if len(left) >= budget and seq < min(left):
            return True
        holds = [
            cursor.holds
            for (user, device, followed), cursor in now.cursors.items()
            if followed == address == f"user:{user}" and (user, device) in now.stable
        ]
        return (every or event.final) and seq <= min(holds, default=0)

    def _check_cursors(self, now: Snapshot) -> None:
        found = {place: cursor.seq for place, cursor in now.cursors.items()}
        for key, seq in found.items():
            if seq < self._cursors.get(key, 0):
                self.blame(f"a cursor went back from {self._cursors[key]} to {seq}: {key}")
        self._cursors = found

    # What routers tell

    def registered(self, info: DeviceInfo, before: Presence | None, now: Presence) -> None:
        """A session stands for its device from now on."""
        if before and now.generation < before.generation:
            self.blame(
                f"session {now.generation} of {info.user}/{info.device} took the place "
                f"of {before.generation}"
            )

    # What RabbitMQ tells

    def destroyed(self, message: Message) -> None:
        """A queue with this event in it was deleted: nobody can bring that back."""
        self._destroyed.add(message.message_id)
        if (said := Said.by(message)) is not None:
            self._reach(said)

    def buried(self, event_id: str) -> None:
        """It came to the dead letters."""
        self._buried.add(event_id)

    def detoured(self, event_id: str) -> None:
        """It found no queue of its shard; it arrives, and may do so behind later ones."""
        self._detoured.add(event_id)

    # What publishers and devices tell

    def confirm(self, address: str, event_id: str) -> None:
        """A publisher was told that this event is safe."""
        self.confirmed.add((address, event_id))

    def confirm_newest(self, said: Said) -> None:
        """A publisher was told that this, or what it says later of the same key, is safe."""
        self._owed[said.place] = max(said.version, self._owed.get(said.place, 0))

    def confirm_bad(self, event_id: str) -> None:
        """A publisher was told that this is safe, which is no event: it must be buried."""
        self._bad.add(event_id)

    def called_again(self, event_id: str) -> None:
        """The publisher gave up on this event, and is asked again: its place is gone."""
        self._called_again.add(event_id)

    def device(self, book: Book) -> Book:
        """Count a device from now on."""
        self.books[book.name] = book
        return book

    def deliver(self, book: Book, life: object, queue: str, seq: int, event_id: str) -> None:
        """A process (`life`) of a device got a stored event."""
        address = f"user:{book.user}" if queue == "user" else queue
        entry = self.logs[address].every.get(seq)
        book.deliveries += 1
        if entry is None or entry.id != event_id:
            self.blame(f"{book.name} got {event_id} as {address}/{seq}, which is not what is there")
            return
        if entry.exclude_device and entry.exclude_device == book.ids[-1]:
            self.blame(f"{book.name} got its own event {event_id}")
        if seq in book.got[address]:
            return
        if seq < book.last[life, address]:
            self.blame(f"{book.name} got {address}/{seq} only after {book.last[life, address]}")
        book.got[address].add(seq)
        book.last[life, address] = max(seq, book.last[life, address])

    def lose(self, book: Book, life: object, queue: str, head: int) -> None:
        """A process of a device was told that it has missed something: it starts from the head."""
        address = f"user:{book.user}" if queue == "user" else queue
        stored = self._cursors.get((book.user, book.ids[-1], address), 0)
        position, floor = min(book.last[life, address], stored), self.logs[address].floor
        if not book.tab and position >= floor:
            self.blame(f"{book.name} was told of a loss in {address} at {position}, floor {floor}")
        book.since[address] = head
        book.last[life, address] = 0

    # What must be in the end

    def unsettled(self) -> list[str]:
        """Return the confirmed events that the router has lost."""
        lost = [
            f"{event_id} of {address}"
            for address, event_id in sorted(self.confirmed)
            if event_id not in self.logs[address].ids
            and event_id not in self._destroyed
            and (address, event_id) not in self._stale
        ]
        lost += [
            f"version {version} of {place}"
            for place, version in sorted(self._owed.items())
            if self._reached.get(place, 0) < version
        ]
        lost += [f"{event_id}, to bury" for event_id in self._bad - self._buried - self._destroyed]
        return [f"lost in the router: {each}" for each in lost]

    def missing(self, book: Book) -> Iterator[str]:
        """Return what a device still has to get."""
        for address in book.addresses:
            log, since = self.logs[address], self._since(book, address)
            if since is None:
                yield f"{book.name} does not follow {address}"
                continue
            got = book.got[address]
            for seq, event in log.every.items():
                if seq in got or event.exclude_device in book.ids or _is_presence(event):
                    continue
                if self._is_due(log, seq, event, since):
                    yield f"{book.name} lacks {address}/{seq}, {event.type} {event.id}"

    def _is_due(self, log: Log, seq: int, event: Event, since: int) -> bool:
        if event.contract is Contract.EVERY:
            return seq > since
        if log.newest[event.key] != seq:
            return False  # a newer one of its key counts instead
        return seq > since or (seq in log.kept and not event.final)

    def _since(self, book: Book, address: str) -> int | None:
        if address in book.since:
            return book.since[address]
        known = self._first_head(book, address)
        if known is not None and address == ALL and not book.v2:
            return max(known, self.logs[address].floor)  # a loss that a plain client cannot be told
        return known

    def _first_head(self, book: Book, address: str) -> int | None:
        ids = reversed(book.ids)  # a tab that had processed nothing comes back as a new device
        heads = (self._first_heads.get((book.user, device, address)) for device in ids)
        return next((head for head in heads if head is not None), None)


def _is_presence(event: Event) -> bool:
    return event.type in {"DEVICE_CONNECTED", "DEVICE_DISCONNECTED"}
