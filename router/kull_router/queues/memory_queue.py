"""One queue of the store in memory. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kull_router.queues import rules
from kull_router.queues.entry import Contract, Entry, Identity
from kull_router.queues.newest import Newest
from kull_router.queues.port import QueueInfo
from kull_router.queues.rules import Cutoffs, Figures, Kept


@dataclass(slots=True)
class MemoryQueue:
    """What the store keeps of an address."""

    figures: Figures = field(default_factory=Figures)
    entries: dict[int, Entry] = field(default_factory=dict)  # by seq, in order
    newest: dict[str, Newest] = field(default_factory=dict)
    changed_ms: dict[str, int] = field(default_factory=dict)  # by key, when `newest` was set
    seen: dict[Identity, tuple[int, int]] = field(default_factory=dict)  # when, and where


def kept_of(source: MemoryQueue) -> Iterable[Kept]:
    """Yield what retention must know of each entry, in order."""
    for seq, entry in source.entries.items():
        event = entry.event
        yield Kept(seq, event.contract, event.key, event.final, event.created_ms)


def remove(target: MemoryQueue, gone: Sequence[Kept]) -> int:
    """Remove entries for retention's sake; return how many."""
    for kept in gone:
        del target.entries[kept.seq]
        if kept.contract is Contract.LATEST:
            target.newest[kept.key] = target.newest[kept.key].without_entry()
    target.figures = rules.without(target.figures, gone)
    return len(gone)


def begin_of(source: MemoryQueue, history: int) -> int:
    """Return the position before the last `history` entries."""
    last = list(source.entries)[-history:]
    return last[0] - 1 if len(last) == history else 0


def trim_ids(target: MemoryQueue, cutoffs: Cutoffs) -> int:
    """Forget ids, and keys without entry, that are too old; return how many ids."""
    gone = [identity for identity, (seen_ms, _) in target.seen.items() if seen_ms < cutoffs.ids]
    for identity in gone:
        del target.seen[identity]
    for key in [key for key, newest in target.newest.items() if not newest.seq]:
        if target.changed_ms[key] < cutoffs.newest:
            del target.newest[key], target.changed_ms[key]
    return len(gone)


def info_of(address: str, source: MemoryQueue) -> QueueInfo:
    """Return the queue's vital figures."""
    figures = source.figures
    return QueueInfo(
        address=address,
        head=figures.head,
        floor=figures.floor,
        entries=figures.every + figures.latest,
    )
