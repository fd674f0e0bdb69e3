"""What this router writes into its flight recorder, a line for each thing that happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from kull_protos.common.flight_recorder import Fact, FlightRecorder, Kind, Query
from kull_protos.contract import addresses
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.queues.entry import Event
from kull_router.queues.port import CursorUpdate, DeviceInfo, Duplicate, Stale, Stored

SAME_REFUSAL: Final = 10.0  # seconds: a refusal with the same code is not noted again so soon
MAX_REFUSED: Final = 1_000  # devices whose last refusal is compared with
_STORED: Final = Kind.STORED.value
_REPLACED: Final = Kind.REPLACED.value
_STALE: Final = Kind.STALE.value
_DUPLICATE: Final = Kind.DUPLICATE.value
_ACKNOWLEDGED: Final = Kind.ACKNOWLEDGED.value


class Journal:
    """Facts of this router, stamped with its monotonic clock.

    node: this router, as others know it.
    """

    def __init__(self, node: str, *, recorder: FlightRecorder, clock: Clock) -> None:
        self._node = node
        self._recorder = recorder
        self._clock = clock
        self._refused: dict[tuple[str, str], tuple[int, float]] = {}  # code and when, by device

    # Of queues

    def now(self) -> float:
        """Return the time of facts: asked once for a batch."""
        return self._clock.monotonic()

    def stored(self, now: float, term: int, event: Event, outcome: Stored, edges: str) -> None:
        """An event was committed, and these edges took it."""
        where, seq = event.address, outcome.seq
        who = ("", event.exclude_device, "")
        self._recorder.delivered((_STORED, now, where, *who, seq, seq, term, 0, edges))
        if outcome.replaced:
            seqs = (outcome.replaced, seq)
            self._recorder.delivered((_REPLACED, now, where, "", "", "", *seqs, term, 0, ""))

    def not_stored(self, now: float, event: Event, outcome: Duplicate | Stale) -> None:
        """An event came that its queue does not take."""
        kind = _STALE if isinstance(outcome, Stale) else _DUPLICATE
        who = (event.address, "", "", event.id)
        self._recorder.delivered((kind, now, *who, 0, 0, 0, 0, event.key))

    def dropped(self, address: str, edge: str, first: int) -> None:
        """Pushes are dropped from this position on, since the edge does not keep up."""
        self._note(Kind.DROPPED, address=address, first=first, text=edge)

    def buried(self, event_id: str, reason: str) -> None:
        """A message went to the dead letters."""
        if event_id:
            self._note(Kind.DEAD, event_id=event_id, text=reason)

    def owned(self, shard: int, term: int) -> None:
        """This router owns a shard."""
        self._note(Kind.OWNED, code=shard, term=term)

    # Of devices

    def subscribed(self, info: DeviceInfo, answer: pb.Subscribed, edge: str) -> None:
        """A device follows a queue from a position."""
        self._refused.pop((info.user, info.device), None)
        self._note(
            Kind.SUBSCRIBED if answer.recovered else Kind.LOST,
            address=answer.address,
            user_id=info.user,
            device_id=info.device,
            first=answer.after,
            last=answer.head,
            term=answer.term,
            text=edge,
        )

    def refused(self, address: str, device: str, code: int, why: str) -> None:
        """A device may not follow a queue; whose it is, the queue that it wants says."""
        if not (code and addresses.is_user(address)):
            return
        user, now = address.removeprefix(addresses.USER), self._clock.monotonic()
        last_code, last = self._refused.get((user, device), (0, 0.0))
        if last_code == code and now - last < SAME_REFUSAL:
            return
        if len(self._refused) >= MAX_REFUSED:
            self._refused.pop(next(iter(self._refused)))
        self._refused[user, device] = (code, now)
        self._note(
            Kind.REFUSED, address=address, user_id=user, device_id=device, code=code, text=why
        )

    def evicted(self, info: DeviceInfo, code: int, why: str) -> None:
        """A device's session was ended."""
        self._note(Kind.EVICTED, user_id=info.user, device_id=info.device, code=code, text=why)

    def released(self, info: DeviceInfo) -> None:
        """A device's session is gone."""
        self._note(Kind.RELEASED, user_id=info.user, device_id=info.device)

    def acknowledged(self, updates: Iterable[CursorUpdate]) -> None:
        """Devices have processed queues up to positions, by now."""
        now = self._clock.monotonic()
        for each in updates:
            where = (each.address, each.user, each.device)
            self._recorder.delivered((_ACKNOWLEDGED, now, *where, "", 0, each.seq, 0, 0, ""))

    def _note(self, kind: Kind, **fields: str | int) -> None:
        self._recorder.note(Fact(kind, self._clock.monotonic(), **fields))  # type: ignore[arg-type]

    # For whoever asks

    @property
    def since_ms(self) -> int:
        """Since when nothing is missing, milliseconds since the Unix epoch; 0: nothing is there."""
        since = self._recorder.since
        return 0 if since is None else self._wall_ms_of()(since)

    @property
    def occupancy(self) -> tuple[int, float]:
        """How many bytes the facts take, and the age in seconds of the oldest one; 0: none."""
        since = self._recorder.since
        return self._recorder.bytes, 0.0 if since is None else self._clock.monotonic() - since

    def recall(self, query: Query) -> list[pb.Fact]:
        """Return what bears on a question, oldest first."""
        wall_ms = self._wall_ms_of()
        return [
            pb.Fact(node=self._node, **{**fact._asdict(), "at": wall_ms(fact.at)})
            for fact in self._recorder.recall(query)
        ]

    def _wall_ms_of(self) -> Callable[[float], int]:
        # Both clocks are read once for all facts: read for each, what came first may be told last.
        wall_ms, now = self._clock.wall_ms(), self._clock.monotonic()
        return lambda at: wall_ms - round((now - at) * 1000)
