"""One room's roster, and what each edge has been told of it. PURE.

Sessions see a roster if their tokens grant it; an edge is told once for all of them. An edge that
could not be told, or is new to the room, gets a snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from kull_protos.contract.limits import MAX_NEIGHBOURS
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.session_key import SessionKey
from kull_router.rooms import frames
from kull_router.rooms.roster import Changes, Roster

COUNT_INTERVAL: Final = 1.0  # seconds between counts of a large room: all its sessions get each
BACK: Final = 0.9  # of the limit: a large room that is smaller than that is told whole again

UNEVEN: Final = -1  # instead of a count: not everybody was told the same one

Send = Callable[[int, pb.Roster], bool]  # to a stream, by its number; False: it is too slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a look has cost: frames, by their kind, and changes."""

    snapshots: int = 0
    diffs: int = 0
    counts: int = 0
    changes: Changes


class Room:
    """See the module's text.

    Args:
        limit: members up to which they are told.
        quiet_until: seconds of a monotonic clock: nothing is told before, since members of the
            owner before may still come.
    """

    def __init__(
        self, address: str, shard: int, term: int, *, limit: int, quiet_until: float
    ) -> None:
        self.address = address
        self.shard = shard
        self.term = term
        self.number = 0
        self.roster = Roster()
        self.partial = False
        self._limit = limit
        self._quiet_until = quiet_until
        self._streams: dict[int, int] = {}  # which number each was told last; 0: it needs all
        self._seeing: dict[int, set[int]] = {}  # sessions, by stream
        self._asking: dict[SessionKey, str] = {}  # users to whom neighbours are owed
        self._counted_at = float("-inf")
        self._counted = UNEVEN

    @property
    def known_by(self) -> int:
        """From which number on frames know of all who are there now: of the next, or the last."""
        return self.number + 1 if self.roster.changed else self.number

    @property
    def empty(self) -> bool:
        """Whether nobody is there."""
        return not self.roster

    @property
    def waits(self) -> bool:
        """Whether there is something to tell, now or later."""
        return (
            self.roster.changed
            or bool(self._asking)
            or 0 in self._streams.values()
            or (self.partial and self._counted != len(self.roster))
        )

    def sees(self, key: SessionKey) -> bool:
        """Whether a session is told."""
        return key.session in self._seeing.get(key.stream, ())

    def see(self, key: SessionKey, user: str) -> None:
        """A session is told from now on."""
        self._seeing.setdefault(key.stream, set()).add(key.session)
        self._streams.setdefault(key.stream, 0)
        self.ask(key, user)

    def ask(self, key: SessionKey, user: str) -> None:
        """A session came, or said a state: in a large room it is owed its neighbours."""
        if self.sees(key):
            self._asking[key] = user

    def blind(self, key: SessionKey) -> None:
        """A session is not told any more."""
        self._asking.pop(key, None)
        sessions = self._seeing.get(key.stream, set())
        sessions.discard(key.session)
        if not sessions:
            self._seeing.pop(key.stream, None)
            self._streams.pop(key.stream, None)

    def tell(self, number: int, now: float, send: Send) -> Told | None:
        """Send each edge what it lacks, under this number; None: it is not time yet."""
        if now < self._quiet_until:
            return None
        changes = self.roster.changes()
        before = self.number
        self._resize()
        if self.partial or changes.touches:
            self.number = number
        if self.partial:
            return self._count(now, changes, send)
        self._asking.clear()
        return self._members(before, changes, send)

    def _members(self, before: int, changes: Changes, send: Send) -> Told:
        diff: pb.Roster | None = None
        snapshot: pb.Roster | None = None
        snapshots = diffs = 0
        for stream, known in self._streams.items():
            if known and known == before:
                if not changes.touches:
                    continue
                diff = diff or self._diff(changes)
                taken = send(stream, diff)
                diffs += taken
            else:
                snapshot = snapshot or self._snapshot()
                taken = send(stream, snapshot)
                snapshots += taken
            self._streams[stream] = self.number if taken else 0
        return Told(snapshots=snapshots, diffs=diffs, changes=changes)

    def _resize(self) -> None:
        size = len(self.roster)
        if not self.partial and size > self._limit:
            self.partial, self._counted_at, self._counted = True, float("-inf"), UNEVEN
        elif self.partial and size <= self._limit * BACK:
            self.partial = False
            self._streams = dict.fromkeys(self._streams, 0)

    def _count(self, now: float, changes: Changes, send: Send) -> Told:
        due = now - self._counted_at >= COUNT_INTERVAL and self._counted != len(self.roster)
        frame = self._frame(partial=True, quiet=not due)
        counts = 0
        neighbours = dict(self._neighbours())
        for stream, known in self._streams.items():
            mine = neighbours.get(stream, [])
            if not (due or mine or not known):
                self._streams[stream] = self.number
                continue
            to_all = due or not known
            sent = pb.Roster()
            sent.CopyFrom(frame)
            sent.quiet = not to_all
            sent.neighbours.extend(mine)
            taken = send(stream, sent)
            counts += taken
            self._streams[stream] = self.number if taken else 0
        self._asking.clear()
        if due:
            self._counted_at, self._counted = now, len(self.roster)
        elif counts and self._counted != len(self.roster):
            self._counted = UNEVEN
        return Told(counts=counts, changes=changes)

    def _neighbours(self) -> Iterator[tuple[int, list[pb.Neighbours]]]:
        """Yield for each stream its sessions that ask, those of one state together."""
        groups: dict[int, dict[bytes, list[int]]] = {}
        for key, user in self._asking.items():
            of_stream = groups.setdefault(key.stream, {})
            of_stream.setdefault(self.roster.state_of(user), []).append(key.session)
        alike: dict[bytes, list[pb.Member]] = {}
        for stream, of_stream in groups.items():
            found = []
            for state, sessions in of_stream.items():
                if state not in alike:
                    near = self.roster.neighbours(state, MAX_NEIGHBOURS + 1)
                    alike[state] = frames.members(near)
                found.append(pb.Neighbours(sessions=sessions, members=alike[state]))
            yield stream, found

    def _diff(self, changes: Changes) -> pb.Roster:
        frame = self._frame()
        frame.joined.extend(frames.members(changes.joined))
        frame.updated.extend(frames.members(changes.updated))
        frame.left.extend(changes.left)
        return frame

    def _snapshot(self) -> pb.Roster:
        frame = self._frame(snapshot=True)
        frame.joined.extend(frames.members(self.roster.members()))
        return frame

    def _frame(
        self, *, snapshot: bool = False, partial: bool = False, quiet: bool = False
    ) -> pb.Roster:
        return pb.Roster(
            address=self.address,
            shard=self.shard,
            term=self.term,
            number=self.number,
            count=len(self.roster),
            snapshot=snapshot,
            partial=partial,
            quiet=quiet,
        )
