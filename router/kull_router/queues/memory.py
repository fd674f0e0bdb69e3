"""The store in memory: the twin of the SQLite one, for tests and the simulator.

Deterministic: no threads, no clock, and no call ever gives way to another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from itertools import groupby

from kull_protos.contract import addresses
from kull_router.errors import Fenced, ShardCountMismatch, StoreRefused, StoreUnavailable
from kull_router.queues import rules
from kull_router.queues.entry import Entry, Event
from kull_router.queues.memory_logs import LogState, MemoryLogs
from kull_router.queues.memory_presence import KeptDevice, MemoryPresence, Words
from kull_router.queues.memory_queue import (
    MemoryQueue,
    begin_of,
    info_of,
    kept_of,
    remove,
    trim_ids,
)
from kull_router.queues.port import (
    FIRST,
    MAX_TRACES,
    Attach,
    Attachment,
    Backlog,
    Behind,
    CursorUpdate,
    DeviceInfo,
    KnownDevice,
    Outcome,
    Page,
    QueueInfo,
    Retention,
    Trace,
)
from kull_router.queues.rules import Cursor, Cutoffs


@dataclass(slots=True)
class MemoryState:
    """What a disk would hold: give it to the next MemoryStore to "restart" a router."""

    shard_count: int = 16
    epoch: str = "memory"
    terms: dict[int, int] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    queues: dict[str, MemoryQueue] = field(default_factory=dict)
    devices: dict[str, dict[str, KeptDevice]] = field(default_factory=dict)  # by user and device
    logs: LogState = field(default_factory=LogState)
    words: Words = field(default_factory=dict)
    time_ms: int = 0
    refused: set[str] = field(default_factory=set)  # fault hook: ids that a database would refuse


class MemoryStore(MemoryLogs, MemoryPresence):
    """A `Database`. Nothing survives the process, except in the hands of a test."""

    def __init__(
        self,
        state: MemoryState | None = None,
        *,
        shard_count: int = 16,
        retention: Retention | None = None,
    ) -> None:
        self._state = state or MemoryState(shard_count=shard_count)
        if self._state.shard_count != shard_count:
            raise ShardCountMismatch(self._state.shard_count, shard_count)
        self._retention = retention or Retention()
        self._closed = False
        MemoryLogs.__init__(self, self._state.logs, self._check_open)
        MemoryPresence.__init__(self, self._state.words, self._state.devices)

    @property
    def epoch(self) -> str:
        """See `Store.epoch`."""
        return self._state.epoch

    @property
    def time_ms(self) -> int:
        """See `Store.time_ms`."""
        return self._state.time_ms

    async def claim(self, shard: int, owner: str) -> int:
        """See `Store.claim`."""
        self._check_open()
        term = self._state.terms.get(shard, 0) + 1
        self._state.terms[shard] = term
        self._state.owners[shard] = owner
        return term

    async def append(
        self, shard: int, term: int, events: Sequence[Event], now_ms: int
    ) -> list[Outcome]:
        """See `Store.append`."""
        self._check_open()
        rules.check(events)
        if any(event.id in self._state.refused for event in events):
            raise StoreRefused("the database refuses it")
        self._check_term(shard, term)
        outcomes: dict[int, Outcome] = {}
        in_address_order = sorted(enumerate(events), key=lambda pair: pair[1].address)
        for address, group in groupby(in_address_order, key=lambda pair: pair[1].address):
            places, arriving = zip(*group, strict=True)
            decided = self._append_to(address, arriving, now_ms)
            outcomes.update(zip(places, decided, strict=True))
        return [outcomes[place] for place in range(len(events))]

    def _append_to(self, address: str, events: Sequence[Event], now_ms: int) -> list[Outcome]:
        target = self._state.queues.setdefault(address, MemoryQueue())
        plan, outcomes = rules.plan(
            target.figures,
            events,
            seen=target.seen.keys(),
            newest=target.newest,
            retention=self._retention.of(address),
        )
        for seq in plan.replaced:
            del target.entries[seq]
        target.figures = plan.figures
        for seq, entry in plan.entries.items():
            target.entries[seq] = Entry(seq=seq, event=entry.event.stored)
        target.newest.update(plan.newest)
        target.changed_ms.update(dict.fromkeys(plan.newest, now_ms))
        target.seen.update({one: (now_ms, seq) for one, seq in plan.seen.items()})
        for contract, count in plan.excess.items():
            of_contract = [kept for kept in kept_of(target) if kept.contract is contract]
            remove(target, of_contract[:count])
        return outcomes

    async def attach(self, wanted: Sequence[Attach], now_ms: int) -> list[Attachment]:
        """See `Store.attach`."""
        self._check_open()
        for each in wanted:
            self._check_term(each.shard, each.term)
        return [self._attach(each, now_ms) for each in wanted]

    def _attach(self, wanted: Attach, now_ms: int) -> Attachment:
        device = wanted.device
        of_user = self._state.devices.setdefault(device.user, {})
        known = of_user.get(device.device)
        source = self._queue(wanted.address)
        cursor = known.cursors.get(wanted.address) if known else None
        begin = begin_of(source, wanted.history) if wanted.history else None
        attachment, after = rules.attach(source.figures, cursor, wanted.position, begin=begin)
        young = known is not None and now_ms - known.last_seen_ms < self._retention.seen_again_ms
        if known is not None and young and (known.info, cursor) == (device, after):
            return attachment
        known = of_user.setdefault(device.device, KeptDevice(device, now_ms))
        known.info, known.last_seen_ms = device, max(known.last_seen_ms, now_ms)
        known.cursors[wanted.address] = after
        return attachment

    async def read(
        self, address: str, *, after: int, limit: int, max_bytes: int, initial_head: int = 0
    ) -> Page:
        """See `Store.read`."""
        self._check_open()
        source = self._queue(address)
        wanted = (
            entry
            for seq, entry in source.entries.items()
            if seq > after and (seq > initial_head or rules.is_state(entry.event))
        )
        entries, complete = rules.cut(wanted, limit=limit, max_bytes=max_bytes)
        return Page(
            entries=entries,
            through=source.figures.head if complete else entries[-1].seq,
            head=source.figures.head,
            lost=rules.is_lost(source.figures, after, initial_head),
        )

    async def advance(self, cursors: Sequence[CursorUpdate], now_ms: int) -> None:
        """See `Store.advance`."""
        self._check_open()
        for update in cursors:
            device = self._of(update.user).get(update.device)
            if device is None or update.address not in device.cursors:
                continue
            before = device.cursors[update.address]
            seq = min(update.seq, self._queue(update.address).figures.head)
            device.cursors[update.address] = Cursor(max(before.seq, seq), before.initial_head)
        for address in {update.address for update in cursors}:
            self._trim_acknowledged(address, rules.cutoffs(self._retention, now_ms))

    def _trim_acknowledged(self, address: str, cutoffs: Cutoffs) -> int:
        target = self._state.queues.get(address)
        kind, _, user = address.partition(":")
        if target is None or kind != "user":
            return 0
        holds = [
            device.cursors[address].holds
            for device in self._of(user).values()
            if not device.info.ephemeral and address in device.cursors
        ]
        up_to = min(holds, default=0)
        return remove(target, rules.acknowledged(kept_of(target), up_to, cutoffs.acknowledged))

    async def touch(self, device: DeviceInfo, now_ms: int) -> None:
        """See `Store.touch`."""
        self._check_open()
        known = self._of(device.user).get(device.device)
        if known is not None:
            known.info, known.last_seen_ms = device, max(known.last_seen_ms, now_ms)

    async def devices(self, user: str, queue: str = "") -> list[KnownDevice]:
        """See `Store.devices`."""
        self._check_open()
        where = queue or addresses.of_user(user)
        known = [device for _, device in sorted(self._of(user).items())]
        cursors = [device.cursors.get(where, Cursor(0)) for device in known]
        return [
            KnownDevice(
                info=device.info,
                cursor=cursor.seq,
                last_seen_ms=device.last_seen_ms,
                initial_head=cursor.initial_head,
                follows=where in device.cursors,
            )
            for device, cursor in zip(known, cursors, strict=True)
        ]

    async def users(self, prefix: str, *, after: str = "", limit: int = 100) -> list[str]:
        """See `Store.users`."""
        self._check_open()
        with_queues = {
            address.removeprefix(addresses.USER)
            for address in self._state.queues
            if addresses.is_user(address)
        }
        with_devices = {user for user, devices in self._state.devices.items() if devices}
        found = (each for each in with_queues | with_devices if each.startswith(prefix))
        return sorted(each for each in found if each > after)[:limit]

    async def backlog(
        self, after: tuple[str, str] = FIRST, *, devices: int = 5_000, worst: int = 100
    ) -> Backlog:
        """See `Store.backlog`."""
        self._check_open()
        known = [one for user in sorted(self._state.devices) for one in await self.devices(user)]
        later = [each for each in known if (each.info.user, each.info.device) > after]
        behind = [found for each in later[:devices] if (found := self._behind(each))]
        last = later[devices - 1].info if len(later) > devices else None
        return Backlog(
            devices=len(behind),
            positions=sum(each.positions for each in behind),
            since_ms=min(
                (one.since_ms for one in behind if one.since_ms is not None), default=None
            ),
            worst=nlargest(worst, behind, key=lambda each: each.positions),
            after=(last.user, last.device) if last else None,
        )

    def _behind(self, known: KnownDevice) -> Behind | None:
        source = self._queue(addresses.of_user(known.info.user))
        holds = max(known.cursor, known.initial_head)
        if not known.follows or source.figures.head <= holds:
            return None
        left = (each.event.created_ms for seq, each in source.entries.items() if seq > holds)
        return Behind(
            device=known, positions=source.figures.head - holds, since_ms=min(left, default=None)
        )

    async def find(self, event_id: str, address: str = "") -> list[Trace]:
        """See `Store.find`."""
        self._check_open()
        found: list[Trace] = []
        for where in [address] if address else sorted(self._state.queues):
            source = self._queue(where)
            kept = [each for each in source.entries.values() if each.event.id == event_id]
            places = {one: at for one, at in sorted(source.seen.items()) if one.id == event_id}
            if not places and address:
                places = {each.event.identity: (each.event.created_ms, each.seq) for each in kept}
            for one, (stored_ms, seq) in places.items():
                entry = next((each for each in kept if each.event.identity == one), None)
                found.append(
                    Trace(
                        address=where,
                        type=one.type,
                        service=one.service,
                        seq=seq,
                        stored_ms=stored_ms,
                        entry=entry,
                    )
                )
        return found[:MAX_TRACES]

    async def forget(self, user: str, device: str) -> None:
        """See `Store.forget`."""
        self._check_open()
        self._of(user).pop(device, None)

    async def queues(self, *, after: str = "", limit: int = 100) -> list[QueueInfo]:
        """See `Store.queues`."""
        self._check_open()
        addresses = sorted(address for address in self._state.queues if address > after)
        return [info_of(address, self._state.queues[address]) for address in addresses[:limit]]

    async def queue(self, address: str) -> QueueInfo | None:
        """See `Store.queue`."""
        self._check_open()
        found = self._state.queues.get(address)
        return info_of(address, found) if found else None

    async def trim(self, now_ms: int) -> int:
        """See `Store.trim`."""
        self._check_open()
        self._state.time_ms = max(self._state.time_ms, now_ms)
        cutoffs = rules.cutoffs(self._retention, now_ms)
        removed = self._trim_devices(cutoffs)
        for address, target in self._state.queues.items():
            its = cutoffs.of(address)
            removed += remove(target, rules.aged(kept_of(target), its.entries))
            removed += self._trim_acknowledged(address, its)
            removed += trim_ids(target, its)
        self._expire_actions(cutoffs.actions)
        return removed

    def _trim_devices(self, cutoffs: Cutoffs) -> int:
        before_ms = {False: cutoffs.devices, True: cutoffs.ephemeral_devices}
        gone = [
            (user, device_id)
            for user, devices in self._state.devices.items()
            for device_id, device in devices.items()
            if device.last_seen_ms < before_ms[device.info.ephemeral]
        ]
        for user, device_id in gone:
            del self._state.devices[user][device_id]
        return len(gone)

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")

    def _check_term(self, shard: int, term: int) -> None:
        current = self._state.terms.get(shard, 0)
        if term != current:
            raise Fenced(shard, term, current)

    def _of(self, user: str) -> dict[str, KeptDevice]:
        return self._state.devices.get(user, {})

    def _queue(self, address: str) -> MemoryQueue:
        return self._state.queues.get(address) or MemoryQueue()
