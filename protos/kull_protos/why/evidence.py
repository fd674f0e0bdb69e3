"""What several routers answered, as one: they may share a store, and edges are linked to all. PURE.

Routers remember their own facts; what an edge remembers comes once from each router.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter

from kull_protos.common.flight_recorder import Kind
from kull_protos.contract import addresses
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1.attach_pb2 import Fact, Following

SAME_MS = 50  # one fact of an edge, told by two routers: its clock is read anew for each answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An event by its id, or a device: see `ExplainRequest`."""

    event_id: str = ""
    user: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known.

    Attributes:
        answers: of the routers that did answer.
        silent: routers that did not, and why.
        facts: oldest first.
    """

    answers: Sequence[pb.ExplainResponse]
    silent: dict[str, str] = field(default_factory=dict)
    traces: Sequence[pb.Trace] = ()
    devices: Sequence[pb.KnownDevice] = ()
    facts: Sequence[Fact] = ()
    following: Sequence[Following] = ()

    @property
    def now(self) -> int:
        """The routers' time, milliseconds since the Unix epoch."""
        return max((each.now for each in self.answers), default=0)

    @property
    def since(self) -> int:
        """Since when the routers that answered remember everything; 0: they remember nothing."""
        return max((each.remembers_since for each in self.answers), default=0)

    @property
    def silent_edges(self) -> list[str]:
        """The edges that no router could ask."""
        asked = {each.node for each in self.following} | {each.node for each in self.facts}
        asked |= {node for each in self.answers for node in each.shifts}
        return sorted({one for each in self.answers for one in each.silent_edges} - asked)

    @property
    def store_error(self) -> str:
        """What a router's store said instead of answering, empty if all did answer."""
        return next((each.store_error for each in self.answers if each.store_error), "")

    @property
    def more_traces(self) -> int:
        """How many places of the event are not told."""
        return max((each.more_traces for each in self.answers), default=0)

    @property
    def queue(self) -> pb.Queue | None:
        """The user's own queue, if there is one."""
        return next((each.queue for each in self.answers if each.HasField("queue")), None)

    def owner(self, shard: int) -> pb.RouterNode | None:
        """Return the router that owns a shard, None if none that answered does."""
        owners = [
            (one.term, each.router)
            for each in self.answers
            for one in each.router.owned
            if one.shard == shard
        ]
        return max(owners, key=lambda found: found[0])[1] if owners else None

    def stored(self, trace: pb.Trace) -> Fact | None:
        """Return that an event was stored, None if no router remembers it."""
        facts = self.of(Kind.STORED, address=trace.address)
        return next((each for each in facts if each.first <= trace.seq <= each.last), None)

    def replaced(self, trace: pb.Trace) -> Fact | None:
        """Return that a newer one took an event's place, None if no router remembers it."""
        facts = self.of(Kind.REPLACED, address=trace.address)
        return next((each for each in facts if each.first == trace.seq), None)

    def was_trimmed(self, trace: pb.Trace) -> bool:
        """Whether an event is known to have lain there until retention took it.

        Who has stored it remembers that and owns the shard still, and nothing took its place.
        """
        stored, owner = self.stored(trace), self.owner(trace.shard)
        if trace.kept or stored is None or owner is None or self.replaced(trace):
            return False
        owned = (owner.router_id, _term(owner, trace.shard))
        return trace.seq <= trace.queue.floor and owned == (stored.node, stored.term)

    def of(self, *kinds: Kind, address: str = "", user: str = "", device: str = "") -> list[Fact]:
        """Return the facts of these kinds, oldest first; empty arguments stand for any."""
        return [
            fact
            for fact in self.facts
            if fact.kind in kinds
            and address in {"", fact.address}
            and user in {"", fact.user_id}
            and device in {"", fact.device_id}
        ]


def merge(answers: Sequence[pb.ExplainResponse], silent: dict[str, str]) -> Evidence:
    """Put the answers together."""
    traces: dict[tuple[str, str, str], pb.Trace] = {}
    for answer in answers:
        for trace in answer.traces:
            key = (trace.address, trace.type, trace.service)
            known = traces.setdefault(key, trace)
            _connect(known.devices, trace.devices)
    devices: dict[str, pb.KnownDevice] = {}
    for answer in answers:
        _connect(
            [devices.setdefault(one.device.device_id, one) for one in answer.devices],
            answer.devices,
        )
    return Evidence(
        answers=answers,
        silent=silent,
        traces=list(traces.values()),
        devices=list(devices.values()),
        facts=_once(answers),
        following=list(
            {
                (each.node, each.session_id, each.address): each
                for answer in answers
                for each in answer.following
            }.values()
        ),
    )


def _connect(known: Iterable[pb.KnownDevice], others: Iterable[pb.KnownDevice]) -> None:
    """Only the owner of a user's shard knows which devices are connected."""
    connected = {each.device.device_id for each in others if each.connected}
    for each in known:
        each.connected = each.connected or each.device.device_id in connected


def _term(owner: pb.RouterNode, shard: int) -> int:
    """Return the term under which a router owns a shard, 0 if it does not."""
    return max((one.term for one in owner.owned if one.shard == shard), default=0)


def _once(answers: Sequence[pb.ExplainResponse]) -> list[Fact]:
    """Two routers may have moved the same fact of an edge differently: its own time tells."""
    told = [
        (fact.at - answer.shifts.get(fact.node, 0), fact)
        for answer in answers
        for fact in answer.facts
    ]
    found: list[Fact] = []
    last: dict[tuple[object, ...], int] = {}
    for at, fact in sorted(told, key=itemgetter(0)):
        same = (
            *(fact.node, fact.kind, fact.address, fact.user_id, fact.device_id, fact.event_id),
            *(fact.first, fact.last, fact.term, fact.code, fact.text),
        )
        if at - last.get(same, -SAME_MS - 1) > SAME_MS:
            found.append(fact)
        last[same] = at
    return sorted(found, key=attrgetter("at"))


def user_of(address: str) -> str:
    """Return whose queue it is, empty if it is shared."""
    return address.removeprefix(addresses.USER) if addresses.is_user(address) else ""
