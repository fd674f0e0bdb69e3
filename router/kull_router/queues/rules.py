"""The rules of a queue: what an append, a retention run and an attach do to it. PURE.

Every store adapter asks these functions, so each rule exists once. Adapters fetch what a function
must know, and write down what it returns.

Words: a *kept* entry is one that lies in the store; *floor* is the highest seq that retention has
removed. Replacing an entry (compaction) never moves the floor: its successor lies further on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import takewhile
from operator import attrgetter
from typing import Final

from kull_router.errors import BadEvent
from kull_router.queues.entry import Contract, Entry, Event, Identity
from kull_router.queues.newest import Newest
from kull_router.queues.port import Attachment, Duplicate, Outcome, Retention, Stale, Stored
from kull_router.queues.retention import kind_of

MAX_BODY_BYTES: Final = 16 * 2**20
MAX_TEXT_LENGTH: Final = 500  # characters: an index row of PostgreSQL holds 2,700 bytes
MAX_IDENTITY_LENGTH: Final = 600  # characters of id, type and service together, for that reason
_INT64: Final = range(-(2**63), 2**63)
_TEXTS: Final = ("id", "address", "type", "service", "run", "key", "exclude_device")
_texts: Final = attrgetter(*_TEXTS)
_DUPLICATE: Final = Duplicate()
_STALE: Final = Stale()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A queue's counters: `every` and `latest` are the numbers of kept entries per contract."""

    head: int = 0
    floor: int = 0
    every: int = 0
    latest: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """What retention must know about a kept entry."""

    seq: int
    contract: Contract
    key: str
    final: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """What is stored of a device in a queue: see `Attachment` for `initial_head`."""

    seq: int
    initial_head: int = 0

    @property
    def holds(self) -> int:
        """Entries up to here are not needed for this device (running state is kept anyway)."""
        return max(self.seq, self.initial_head)


@dataclass(slots=True, kw_only=True)
class Plan:
    """What an append changes in one queue.

    Attributes:
        figures: the counters before `excess` is removed.
        entries: to insert, by seq. What was replaced within the same append is not among them.
        replaced: seqs of kept entries to remove.
        newest: the keys that changed.
        seen: to remember for deduplication, with the seq of each.
        excess: how many of the oldest entries to remove per contract.
    """

    figures: Figures
    entries: dict[int, Entry] = field(default_factory=dict)
    replaced: list[int] = field(default_factory=list)
    newest: dict[str, Newest] = field(default_factory=dict)
    seen: dict[Identity, int] = field(default_factory=dict)
    excess: dict[Contract, int] = field(default_factory=dict)

    def replace(self, seq: int) -> None:
        """Let go of an entry whose key has a newer one."""
        # One that is not stored yet is in `entries`, and need not be inserted at all.
        if self.entries.pop(seq, None) is None:
            self.replaced.append(seq)


def check(events: Sequence[Event]) -> None:
    """Raise BadEvent for the first event that no store could ever hold."""
    for index, event in enumerate(events):
        why = _unstorable(event)
        if why:
            raise BadEvent(index, why)


def _unstorable(event: Event) -> str:
    if event.contract is Contract.EPHEMERAL:
        return "ephemeral events are never stored"
    if not isinstance(event.body, bytes):
        return f"its body is {type(event.body).__name__}, not bytes"
    if len(event.body) > MAX_BODY_BYTES:
        return f"its body has {len(event.body)} bytes, more than {MAX_BODY_BYTES}"
    if not event.id:
        return "its id is empty"
    texts = _texts(event)
    if not _are_plain(texts) and (why := _unstorable_text(event)):
        return why
    for name in ("version", "progress", "created_ms"):
        number = getattr(event, name)
        if type(number) is not int or number not in _INT64:  # a bool is an int in Python only
            return f"its {name} is {number!r}, not an integer of 64 bits"
    return ""


def _are_plain(texts: Sequence[str]) -> bool:
    """Whether nothing is wrong with them, at a glance."""
    if not all(type(text) is str for text in texts):
        return False
    whole = "".join(texts)
    return len(whole) <= MAX_TEXT_LENGTH and whole.isascii() and "\0" not in whole


def _unstorable_text(event: Event) -> str:
    for name in _TEXTS:
        text = getattr(event, name)
        if not isinstance(text, str):
            return f"its {name} is {type(text).__name__}, not str"
        if len(text) > MAX_TEXT_LENGTH:
            return f"its {name} has {len(text)} characters, more than {MAX_TEXT_LENGTH}"
        if "\0" in text:
            return f"its {name} holds a NUL, which not every database can store"
        if not (text.isascii() or _is_utf8(text)):
            return f"its {name} holds a lone surrogate, which UTF-8 cannot carry"
    if (length := sum(map(len, event.identity))) > MAX_IDENTITY_LENGTH:
        return f"its id, type and service have {length} characters, more than {MAX_IDENTITY_LENGTH}"
    return ""


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plan(
    figures: Figures,
    events: Iterable[Event],
    *,
    seen: Set[Identity],
    newest: Mapping[str, Newest],
    retention: Retention,
) -> tuple[Plan, list[Outcome]]:
    """Decide what happens to events that arrive, in order, at one queue.

    Args:
        figures: the queue's counters.
        events: all of this queue's address.
        seen: those of the events' identities that were stored before. One that is an id alone, as
            older versions have remembered it, stands for all types and services.
        newest: of the events' keys, as far as they are known.
        retention: the budgets.

    Returns:
        The changes, and one outcome for each event.
    """
    result = Plan(figures=figures)
    head, every, latest = figures.head, figures.every, figures.latest
    outcomes: list[Outcome] = []
    for event in events:
        identity = event.identity
        if identity in result.seen or (seen and _is_seen(identity, seen)):
            outcomes.append(_DUPLICATE)
            continue
        replaced = 0
        if event.contract is Contract.LATEST:
            before = result.newest.get(event.key) or newest.get(event.key)
            if before is not None and before.outdates(event):
                outcomes.append(_STALE)
                continue
            if before is not None and before.seq:
                replaced = before.seq
                result.replace(replaced)
            after = before.followed_by if before is not None else Newest.first
            result.newest[event.key] = after(event, head + 1)
            latest += not replaced
        else:
            every += 1
        head += 1
        result.entries[head] = Entry(seq=head, event=event)
        result.seen[identity] = head
        outcomes.append(Stored(head, replaced))
    result.figures = Figures(head=head, floor=figures.floor, every=every, latest=latest)
    result.excess = _excess(every, latest, retention)
    return result, outcomes


def _is_seen(identity: Identity, seen: Set[Identity]) -> bool:
    return identity in seen or Identity(identity.id) in seen


def _excess(every: int, latest: int, retention: Retention) -> dict[Contract, int]:
    excess: dict[Contract, int] = {}
    if every > retention.every_entries:
        excess[Contract.EVERY] = every - retention.every_entries
    if latest > retention.latest_entries:
        excess[Contract.LATEST] = latest - retention.latest_entries
    return excess


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoffs:
    """What is older than these moments goes (milliseconds since the Unix epoch).

    `acknowledged` applies to entries that no stable device needs, `newest` to keys whose entry
    is gone: they outlive it by as long as a repeat could be taken for new. `kinds`: what differs
    in rooms of a kind.
    """

    entries: int
    acknowledged: int
    ids: int
    newest: int
    devices: int
    ephemeral_devices: int
    actions: int
    kinds: Mapping[str, Cutoffs] = field(default_factory=dict)

    def of(self, address: str) -> Cutoffs:
        """Return what counts for the entries of one queue."""
        return self.kinds.get(kind_of(address), self) if self.kinds else self


def cutoffs(retention: Retention, now_ms: int) -> Cutoffs:
    """Return what the ages of a retention mean at a moment."""

    def ago(age: float) -> int:
        return now_ms - round(age * 1000)

    return Cutoffs(
        entries=ago(retention.entry_age),
        acknowledged=ago(retention.ephemeral_device_age),
        ids=ago(retention.dedupe_age),
        newest=ago(retention.entry_age + retention.dedupe_age),
        devices=ago(retention.device_age),
        ephemeral_devices=ago(retention.ephemeral_device_age),
        actions=ago(retention.action_age),
        kinds={
            name: cutoffs(retention.of_kind(kind), now_ms) for name, kind in retention.kinds.items()
        },
    )


def without(figures: Figures, removed: Iterable[Kept]) -> Figures:
    """Return the counters after retention has removed entries: the floor follows."""
    floor, every, latest = figures.floor, figures.every, figures.latest
    for kept in removed:
        floor = max(floor, kept.seq)
        if kept.contract is Contract.EVERY:
            every -= 1
        else:
            latest -= 1
    return replace(figures, floor=floor, every=every, latest=latest)


def aged(kept: Iterable[Kept], before_ms: int) -> list[Kept]:
    """Return the entries that retention removes for their age, given all of a queue in order.

    Only ever a run from the oldest on: one wrong clock must not move the floor past younger ones.
    """
    return list(takewhile(lambda entry: entry.created_ms < before_ms, kept))


def acknowledged(kept: Iterable[Kept], up_to: int, before_ms: int) -> list[Kept]:
    """Return the entries that nobody needs any more: acknowledged up to a seq, and old enough.

    The newest non-final entry of a key is state, and stays whatever has been acknowledged. (A kept
    LATEST entry is always its key's newest.)
    """
    return [
        entry
        for entry in kept
        if entry.seq <= up_to
        and entry.created_ms < before_ms
        and (entry.contract is Contract.EVERY or entry.final)
    ]


def is_state(event: Event) -> bool:
    """Whether a kept entry of this event belongs to the current state: something still runs."""
    return event.contract is Contract.LATEST and not event.final


def is_lost(figures: Figures, after: int, initial_head: int = 0) -> bool:
    """Whether a reader at this position has missed entries, or stands in another log."""
    return max(after, initial_head) < figures.floor or after > figures.head


def is_newcomer(cursor: Cursor | None, position: int | None) -> bool:
    """Whether a device has never been in a queue, as far as is known and it says."""
    return cursor is None and position is None


def attach(
    figures: Figures, cursor: Cursor | None, position: int | None, *, begin: int | None = None
) -> tuple[Attachment, Cursor]:
    """Decide where a device continues, and what to store of it.

    begin: the position before the history that a newcomer gets; None: it gets none.

    The stored cursor never goes back, but delivery may: what a device says about itself counts.
    A device that was told to refetch keeps its old cursor, or gets none that is of use, until it
    acknowledges: so it is told again if the answer never reached it. The same goes for a device
    that is told that this is its first contact.
    """
    fresh = Cursor(0, figures.head)
    first = position is None and (cursor is None or cursor.seq == 0)
    if is_newcomer(cursor, position):
        if begin is not None:  # what retention has left gaps in is no history
            fresh = Cursor(0, max(begin, figures.floor))
        return _attachment(figures, fresh, recovered=True, first=True), fresh
    known = cursor or Cursor(position or 0)
    after = known.seq if position is None else position
    # The initial state is still being delivered until the device has passed it.
    passed = max(known.seq, after) >= known.initial_head
    initial_head = 0 if passed else known.initial_head
    if is_lost(figures, after, initial_head):
        return _attachment(figures, fresh, recovered=False), cursor or Cursor(0)
    here = Cursor(after, initial_head)
    return (
        _attachment(figures, here, recovered=True, first=first),
        Cursor(max(known.seq, after), known.initial_head),
    )


def _attachment(
    figures: Figures, cursor: Cursor, *, recovered: bool, first: bool = False
) -> Attachment:
    return Attachment(
        head=figures.head,
        after=cursor.seq,
        initial_head=cursor.initial_head,
        recovered=recovered,
        first=first,
    )


def cut(entries: Iterable[Entry], *, limit: int, max_bytes: int) -> tuple[list[Entry], bool]:
    """Return the entries that fit a page, at least one, and whether that was all of them."""
    page: list[Entry] = []
    size = 0
    for entry in entries:
        size += len(entry.event.body)
        if page and (len(page) >= limit or size > max_bytes):
            return page, False
        page.append(entry)
    return page, True
