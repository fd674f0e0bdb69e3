"""What has become of an event at one device, and how a device fares. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kull_protos.common.flight_recorder import Kind
from kull_protos.contract import addresses, device_ids
from kull_protos.contract.close_codes import CloseCode
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1.attach_pb2 import Fact, Following
from kull_protos.why.evidence import Evidence
from kull_protos.why.words import advice, closing, count, moment, then

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
        known, seq, following = self._known, trace.seq, self.following
        if self._is_excluded(trace):
            return "excluded", "not meant for it: it has caused the event itself"
        if known and known.HasField("follows") and not (known.follows or following):
            return "not_following", f"does not follow {trace.address}"
        if known and known.initial_head >= seq and not _is_state(trace):
            head = known.initial_head
            return "older", f"older than the device, which began behind seq {head}: state only"
        cursor = known.cursor if known else 0
        acked, through = (following.acked, following.through) if following else (0, 0)
        if max(cursor, acked, through) >= seq and (anew := self._began_anew(trace)):
            return "passed", f"{anew}; whether it got this one is not known"
        if max(cursor, acked) >= seq:
            return self._past(trace, cursor)
        if not trace.kept:
            return self._gone(trace, through)
        if following:
            return self._connected(following, trace)
        if unheard := self.unheard():
            return unheard
        return self.away(f"it gets this within {count(self.behind(trace.queue), 'event')}")

    def _is_excluded(self, trace: pb.Trace) -> bool:
        stored = self._evidence.stored(trace)
        excluded = trace.exclude_device_id if trace.kept else stored.device_id if stored else ""
        return excluded == device_ids.named_in(trace.address, self.user, self.name)

    def _past(self, trace: pb.Trace, cursor: int) -> tuple[str, str]:
        """It says that it has processed what came at or behind this: was this among it?"""
        acked = self._acked(trace)
        replaced = self._evidence.replaced(trace)
        stored = self._evidence.stored(trace)
        # Of one that is gone only who has stored it knows whom it was not meant for.
        before = stored and acked and replaced and acked.at < replaced.at
        caught_up = self._evidence.was_trimmed(trace) and self._written(trace)
        if not (trace.kept or before or caught_up):
            text = "has gone past it; whether it got it is not known"
            return "passed", f"{self._written(trace)}{text}"
        if acked:
            return "acknowledged", f"{self._written(trace)}acknowledged by {self.at(acked.at)}"
        if cursor >= trace.seq:
            return "acknowledged", "acknowledged, before what is remembered"
        return "acknowledged", "acknowledged a moment ago"

    def _acked(self, trace: pb.Trace) -> Fact | None:
        """Return when it had acknowledged this, or what came behind it, for the first time."""
        facts = [each for each in self.facts(Kind.ACKNOWLEDGED) if each.address == trace.address]
        return next((each for each in facts if each.last >= trace.seq), None)

    def _began_anew(self, trace: pb.Trace) -> str:
        """Tell that it had missed trimmed entries, and was sent only the state of what lay here."""
        acked = self._acked(trace)
        for fact in self.facts(Kind.LOST):
            if fact.address == trace.address and fact.last >= trace.seq and not _is_state(trace):
                if acked and acked.at < fact.at:
                    return ""
                return f"it was told to fetch its state anew (recovered: false), {self.at(fact.at)}"
        return ""

    def _written(self, trace: pb.Trace) -> str:
        """Tell that it was read from the log, while it lay there, and written to this device."""
        replaced = self._evidence.replaced(trace)
        lay = trace.kept or self._evidence.was_trimmed(trace)
        for fact in self.facts(Kind.CAUGHT_UP):
            if fact.address != trace.address or not fact.first <= trace.seq <= fact.last:
                continue
            before = replaced and self._evidence.stored(trace) and fact.at < replaced.at
            if lay or before:
                where = f"written to its socket by {fact.node}"
                return f"{where} while it caught up, {self.at(fact.at)}; "
        return ""

    def _gone(self, trace: pb.Trace, through: int) -> tuple[str, str]:
        if through >= trace.seq:
            text = "its session has gone past it; whether it got it is not known"
            return "passed", f"{self._written(trace)}{text}"
        if trace.seq > trace.queue.floor:
            return "newer", "it gets the newer one instead"
        when = "" if self.following else " when it connects"
        return "lost", f"it is told to fetch its state anew (recovered: false){when}"

    def _connected(self, following: Following, trace: pb.Trace) -> tuple[str, str]:
        where, seq = following.node, trace.seq
        if following.mode == "attaching":
            return "unserved", f"connected to {where}, but no router serves its queue: `kull nodes`"
        if following.through >= seq:
            return "written", (
                f"{self._written(trace) or f'written to its socket by {where}; '}not acknowledged "
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

    def behind(self, queue: pb.Queue) -> int:
        """Return how many positions it has not acknowledged; what is older than it not counted."""
        known = self._known
        began = max(known.cursor, known.initial_head) if known else 0
        return max(0, queue.head - began)

    # Of the device

    def unheard(self) -> tuple[str, str] | None:
        """Tell of a device that its router knows to be connected, while no edge tells of it."""
        if not (self._known and self._known.connected):
            return None
        if addresses.is_user(self._address) or self._evidence.silent_edges:
            text = "connected, says its router; its edge does not tell how it stands"
            return "connected", text
        return "not_following", f"connected, but does not follow {self._address} now"

    def away(self, more: str) -> tuple[str, str]:
        """Tell since when it is away, and why; `more`: what happens when it is back."""
        last, claimed = self._last_end(), self.claimed()
        if claimed:
            more = f"{more}; {claimed}" if more else claimed
        seen = self._known.last_seen if self._known else 0
        if last is None:
            since = f" since {self.at(seen)}" if seen else ""
            return "away", f"away{since}, nothing more is remembered; {more}"
        at, why = self.at(last.at), closing(last.code, last.text)
        if last.kind == Kind.REFUSED:
            return "refused", then(f"refused at {at} with {why}", advice(last.code) or more)
        if last.code:
            return "away", f"away since {at}, closed with {then(why, advice(last.code))}; {more}"
        if last.kind == Kind.RELEASED:
            return "away", f"away since {at}, its router lost sight of it; {more}"
        lost = f" ({last.text})" if last.text else ""
        return "away", f"away since {at}, its connection was lost{lost}; {more}"

    def claimed(self) -> str:
        """Tell of somebody who came under its name with a token that proves nothing, lately."""
        claims = self._since_it_came([each for each in self.facts(*ENDS) if is_claim(each)])
        if not claims:
            return ""
        last = claims[-1]
        why = then(closing(last.code, last.text), advice(last.code))
        return f"somebody who says it is {self.name} was refused at {self.at(last.at)} with {why}"

    def _since_it_came(self, facts: list[Fact]) -> list[Fact]:
        began = self.facts(Kind.SUBSCRIBED, Kind.LOST)
        since = began[-1].at if began else 0
        return [each for each in facts if each.at >= since]

    def _last_end(self) -> Fact | None:
        """The newest end, as the one tells it who knows why: an edge more than a router."""
        ends = self._since_it_came([each for each in self.ends() if not is_claim(each)])
        if not ends:
            return None
        same = [each for each in ends if ends[-1].at - each.at <= SAME_END_MS]
        telling = [each for each in same if each.code]
        telling = telling or [each for each in same if each.kind == Kind.GONE]
        return (telling or same)[-1]

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


def is_claim(end: Fact) -> bool:
    """Whether whoever ended so may have been anybody: its token was not believed."""
    return end.kind in {Kind.REFUSED, Kind.CLOSED} and end.code == CloseCode.BAD_TOKEN


def _is_state(trace: pb.Trace) -> bool:
    return trace.contract == "latest" and not trace.final
