"""What has become of an event at one device, and how a device fares. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kull_mesh.why.evidence import Evidence
from kull_mesh.why.words import advice, closing, count, moment, then
from kull_protos.common.flight_recorder import Kind
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1.attach_pb2 import Fact, Following

SAME_END_MS: Final = 2_000  # between a router's word and the edge's close
ENDS: Final = (Kind.EVICTED, Kind.CLOSED, Kind.GONE, Kind.RELEASED, Kind.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`code`: for machines; `text`: ends with what to do where there is something to do."""

    user: str
    device: str
    code: str
    text: str


class DeviceView:
    """One device of a user in one queue."""

    def __init__(
        self,
        evidence: Evidence,
        *,
        user: str,
        address: str,
        name: str,
        known: pb.KnownDevice | None,
    ) -> None:
        self._evidence = evidence
        self._address = address
        self._known = known
        self.user, self.name = user, name

    @property
    def following(self) -> Following | None:
        """How its session stands at its edge; None: no edge says that it has one."""
        mine = [
            each
            for each in self._evidence.following
            if (each.user_id, each.device_id, each.address) == (self.user, self.name, self._address)
        ]
        # A device that has just moved has two: the one that is served further counts.
        return max(mine, key=lambda each: (each.mode != "attaching", each.through), default=None)

    def facts(self, *kinds: Kind) -> list[Fact]:
        """Return its facts of these kinds, oldest first."""
        return self._evidence.of(*kinds, user=self.user, device=self.name)

    def at(self, ms: int) -> str:
        """Return a moment in words."""
        return moment(ms, self._evidence.now)

    # Of an event

    def of(self, trace: pb.Trace) -> Verdict:
        """Tell what has become of a stored event at this device."""
        code, text = self._fate(trace)
        return Verdict(user=self.user, device=self.name, code=code, text=text)

    def _fate(self, trace: pb.Trace) -> tuple[str, str]:
        known, seq = self._known, trace.seq
        if trace.kept and trace.exclude_device_id == self.name:
            return "excluded", "not meant for it: it has caused the event itself"
        if known and known.initial_head >= seq and not _is_state(trace):
            head = known.initial_head
            return "older", f"older than the device, which began behind seq {head}: state only"
        if known and known.cursor >= seq:
            return "acknowledged", self._acknowledged(seq)
        following = self.following
        if following and following.acked >= seq:
            return "acknowledged", "acknowledged a moment ago"
        if not trace.kept:
            return self._gone(trace)
        if following:
            return self._connected(following, seq)
        return self.away(f"it gets this within {count(self._behind(trace.queue), 'event')}")

    def _acknowledged(self, seq: int) -> str:
        for fact in self.facts(Kind.ACKNOWLEDGED):
            if fact.address == self._address and fact.last >= seq:
                written = self._written(seq)
                return f"{written}acknowledged by {self.at(fact.at)}"
        return "acknowledged, before what is remembered"

    def _written(self, seq: int) -> str:
        for fact in self.facts(Kind.CAUGHT_UP):
            if fact.address == self._address and fact.first <= seq <= fact.last:
                return (
                    f"written to its socket by {fact.node} while it caught up, {self.at(fact.at)}; "
                )
        return ""

    def _gone(self, trace: pb.Trace) -> tuple[str, str]:
        if trace.seq > trace.queue.floor:
            return "newer", "it gets the newer one instead"
        return "lost", "it is told to fetch its state anew (recovered: false) when it connects"

    def _connected(self, following: Following, seq: int) -> tuple[str, str]:
        where = following.node
        if following.mode == "attaching":
            return "unserved", f"connected to {where}, but no router serves its queue: `kull nodes`"
        if following.through >= seq:
            return "written", (
                f"{self._written(seq) or f'written to its socket by {where}; '}not acknowledged "
                "yet: the application has not processed it, or is slow to say so"
            )
        behind = count(self._head(following, seq) - following.through, "event")
        if not following.writable:
            since = self.facts(Kind.UNWRITABLE)
            when = f" since {self.at(since[-1].at)}" if since else ""
            return "slow", (
                f"connected to {where}, {behind} behind: it does not read, its socket is full"
                f"{when}: look at the device and its network"
            )
        if following.mode == "catching_up":
            waits = following.unacknowledged
            full = f" and has {waits} unacknowledged: does the application acknowledge?"
            return "catching_up", (
                f"still catching up at {where}, {behind} behind{full if waits else ''}"
            )
        return "on_its_way", f"on its way to {where}, which is {behind} behind: ask again"

    def _head(self, following: Following, seq: int) -> int:
        heads = [each.queue.head for each in self._evidence.traces if each.address == self._address]
        queue = self._evidence.queue
        if queue and queue.address == self._address:
            heads.append(queue.head)
        return max([seq, *heads])

    def _behind(self, queue: pb.Queue) -> int:
        return max(0, queue.head - (self._known.cursor if self._known else 0))

    # Of the device

    def away(self, more: str) -> tuple[str, str]:
        """Tell since when it is away, and why; `more`: what happens when it is back."""
        last = self._last_end()
        seen = self._known.last_seen if self._known else 0
        if last is None:
            since = f" since {self.at(seen)}" if seen else ""
            return "away", f"away{since}, nothing more is remembered; {more}"
        at, why = self.at(last.at), closing(last.code, last.text)
        if last.kind == Kind.REFUSED:
            return "refused", then(f"refused at {at} with {why}", advice(last.code) or more)
        if last.code:
            return "away", f"away since {at}, closed with {then(why, advice(last.code))}; {more}"
        lost = f" ({last.text})" if last.text else ""
        return "away", f"away since {at}, its connection was lost{lost}; {more}"

    def _last_end(self) -> Fact | None:
        """The newest end that says why: a router tells of a release what an edge knows better."""
        began = self.facts(Kind.SUBSCRIBED, Kind.LOST)
        since = began[-1].at if began else 0
        ends = self.ends()
        telling = [each for each in ends if each.code and each.at >= since]
        telling = telling or [each for each in ends if each.kind == Kind.GONE and each.at >= since]
        found = telling or ends
        return found[-1] if found else None

    def ends(self) -> list[Fact]:
        """Return how its sessions ended, each once: an edge closes what a router has refused."""
        ends = self.facts(*ENDS)
        words = [each for each in ends if each.kind in {Kind.REFUSED, Kind.EVICTED}]
        return [
            each
            for each in ends
            if each.kind != Kind.CLOSED
            or not any(
                word.code == each.code and abs(each.at - word.at) < SAME_END_MS for word in words
            )
        ]


def _is_state(trace: pb.Trace) -> bool:
    return trace.contract == "latest" and not trace.final
