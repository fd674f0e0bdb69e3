"""The life of one event, or how a device fares, as sentences. PURE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kull_protos.common.flight_recorder import Kind
from kull_protos.contract import addresses
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1.attach_pb2 import Fact
from kull_protos.why.devices import DeviceView, Verdict, is_claim
from kull_protos.why.evidence import Evidence, Question, user_of
from kull_protos.why.words import advice, closing, count, moment, then

SKEW_MS: Final = 1_000  # of two clocks: more is worth a word
_LATELY: Final = 5  # refusals, throttlings and the like that are told of a device
STORE_UNAVAILABLE: Final = "store_unavailable"
NO_STORE: Final = "not known: the store does not answer; ask again when it does"
UNKNOWN: Final = (
    "unknown: no router has stored it, nor refused or buried it{since}. Ask its publisher: did "
    "`publish` return this id, does its outbox grow? Look into `kull.dead` and `kull.unrouted`. "
    "An id is known for KULL_KEEP_IDS_FOR, with --user as long as the event is kept; an ephemeral "
    "event leaves no trace"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A sentence. `at`: milliseconds since the Unix epoch, 0: at no moment."""

    at: int = 0
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What is printed. `verdict`: for machines."""

    title: str
    verdict: str
    lines: Sequence[Line]
    devices: Sequence[Verdict] = ()


def tell(question: Question, evidence: Evidence) -> list[Story]:
    """Return a story for each place of an event, or the one of a device."""
    if not question.event_id:
        return [_device(question, evidence)]
    told = [_stored(question, trace, evidence) for trace in evidence.traces]
    refused = _refusals(question, evidence)
    if refused or not told:
        told.append(_not_stored(question, refused, evidence))
    return told


def caveats(evidence: Evidence) -> list[str]:
    """Return what is missing, and may change the answer."""
    found = [f"{why}: what it remembers is missing" for why in evidence.silent.values()]
    found += [
        f"{edge} does not answer: how its sessions stand is missing"
        for edge in evidence.silent_edges
    ]
    found += [
        f"the store does not answer {each.router.router_id}: {each.store_error}"
        for each in evidence.answers
        if each.store_error
    ]
    found += [
        f"{edge}'s clock is {abs(shift) / 1000:.1f} s {'behind' if shift > 0 else 'ahead of'} "
        f"{each.router.router_id}'s: what it remembers was moved to that time"
        for each in evidence.answers
        for edge, shift in sorted(each.shifts.items())
        if abs(shift) > SKEW_MS
    ]
    if more := evidence.more_traces:
        found.append(f"at least {count(more, 'more user')}: use --user USER to ask about one")
    return found


# An event


def _stored(question: Question, trace: pb.Trace, evidence: Evidence) -> Story:
    verdict, more = _outcome(trace, evidence)
    lines = [*_published(trace), _stored_line(trace, evidence), *_on_the_way(trace, evidence)]
    lines += [
        Line(at=fact.at, text=f"came again, and {fact.node} dropped it as a duplicate")
        for fact in evidence.of(Kind.DUPLICATE, address=trace.address)
        if fact.event_id == question.event_id
    ]
    lines += [
        Line(at=fact.at, text=f"another of this id: {_stale(fact)}")
        for fact in evidence.of(Kind.STALE, address=trace.address)
        if fact.event_id == question.event_id
    ]
    if not (user_of(trace.address) or question.user):
        more.append(Line(text="a shared queue: --user USER tells of that user's devices"))
    service = f" of {trace.service}" if trace.service else ""
    return Story(
        title=f"{trace.type or 'event'} {question.event_id}{service}",
        verdict=verdict,
        lines=[*sorted(lines, key=lambda line: line.at), *more],
        devices=_verdicts(question, trace, evidence),
    )


def _published(trace: pb.Trace) -> Iterator[Line]:
    if trace.published_at:
        yield Line(at=trace.published_at, text="published, by its publisher's clock")


def _stored_line(trace: pb.Trace, evidence: Evidence) -> Line:
    where = f"as seq {trace.seq} of {trace.address}" if trace.seq else f"in {trace.address}"
    if fact := evidence.stored(trace):
        nobody = "no edge took it" if _dropped(trace, evidence) else "no edge followed it there"
        edges = f"pushed to {fact.text}" if fact.text else f"{nobody} then"
        text = (
            f"stored {where} by {fact.node}, term {fact.term}, RabbitMQ had confirmed it; {edges}"
        )
        return Line(at=fact.at, text=text)
    text = f"stored {where}, RabbitMQ had confirmed it; by whom is not remembered"
    if owner := evidence.owner(trace.shard):
        owned = [each for each in evidence.of(Kind.OWNED) if each.node == owner.router_id]
        since = f" since {moment(owned[-1].at, evidence.now)}" if owned else ""
        text += f" ({owner.router_id} owns its shard{since})"
    return Line(at=trace.stored_at, text=text)


def _on_the_way(trace: pb.Trace, evidence: Evidence) -> Iterator[Line]:
    for fact in evidence.of(Kind.PUSHED, address=trace.address):
        if fact.first <= trace.seq <= fact.last:
            text = f"reached {fact.node}, which wrote it to the sockets of those who were live"
            yield Line(at=fact.at, text=text)
    stored = evidence.stored(trace)
    took = stored.text.split(", ") if stored else []
    for fact in _dropped(trace, evidence):
        if fact.text not in took:
            what = f"pushes from seq {fact.first} on to {fact.text} were dropped"
            yield Line(at=fact.at, text=f"{what}, it did not keep up: its devices catch up")


def _dropped(trace: pb.Trace, evidence: Evidence) -> Sequence[Fact]:
    """Return the last gap of each edge that may hold the event."""
    gaps = evidence.of(Kind.DROPPED, address=trace.address)
    return list({each.text: each for each in gaps if 0 < each.first <= trace.seq}.values())


def _outcome(trace: pb.Trace, evidence: Evidence) -> tuple[str, list[Line]]:
    if trace.kept:
        return "stored", []
    if not trace.seq:
        return "gone", [Line(text="gone; an older version stored it and did not note where")]
    if fact := evidence.replaced(trace):
        text = f"replaced by seq {fact.last}, a newer one of the same key"
        return "replaced", [Line(at=fact.at, text=text)]
    if trace.seq > trace.queue.floor:
        return "replaced", [Line(text="replaced by a newer one of the same key")]
    past = [
        max(each.cursor, each.initial_head) >= trace.seq
        for each in trace.devices
        if not each.device.ephemeral
    ]
    # The rule is for a user's own queue; a shared one loses only what is too old, or too much.
    if addresses.is_user(trace.address) and past and all(past):
        text = "trimmed: every device of the user has gone past it, or retention took it before"
        return "trimmed", [Line(text=text)]
    text = (
        f"trimmed by retention: entries up to seq {trace.queue.floor} are gone "
        "(KULL_KEEP_EVERY_ENTRIES, KULL_KEEP_LATEST_ENTRIES, KULL_KEEP_ENTRIES_FOR)"
    )
    return "trimmed", [Line(text=text)]


def _verdicts(question: Question, trace: pb.Trace, evidence: Evidence) -> list[Verdict]:
    user = user_of(trace.address) or question.user
    if not trace.seq:
        return []  # without its position nothing can be told of a device
    return [
        DeviceView(
            evidence,
            user=user,
            address=trace.address,
            known=known,
            name=known.device.device_id,
        ).of(trace)
        for known in trace.devices
    ]


def _not_stored(question: Question, refused: Sequence[Fact], evidence: Evidence) -> Story:
    verdict, line = _refusal(refused, evidence)
    return Story(title=f"event {question.event_id}", verdict=verdict, lines=[line])


def _refusals(question: Question, evidence: Evidence) -> Sequence[Fact]:
    """Return what was refused of this id, where none of it is stored and the user may be meant."""
    places = {each.address for each in evidence.traces}
    return [
        each
        for each in evidence.of(Kind.DEAD, Kind.STALE)
        if each.event_id == question.event_id
        and each.address not in places
        and (not question.user or user_of(each.address) in {"", question.user})
    ]


def _refusal(refused: Sequence[Fact], evidence: Evidence) -> tuple[str, Line]:
    for fact in reversed(refused):
        if fact.kind == Kind.DEAD:
            why = f"dead-lettered by {fact.node}: {fact.text}"
            text = f"{why}. It lies in `kull.dead`: mend the publisher"
            return "dead_lettered", Line(at=fact.at, text=text)
        return "stale", Line(at=fact.at, text=_stale(fact))
    if evidence.store_error:
        return STORE_UNAVAILABLE, Line(text=NO_STORE)
    since = f" since {moment(evidence.since, evidence.now)}" if evidence.since else ""
    return "unknown", Line(text=UNKNOWN.format(since=since))


def _stale(fact: Fact) -> str:
    return (
        f"stale: {fact.address} held a newer one of {fact.text} when it came, and "
        f"{fact.node} dropped it: nothing to do, devices have the newer one"
    )


# A device


def _device(question: Question, evidence: Evidence) -> Story:
    user, device = question.user, question.device
    known = next((each for each in evidence.devices if each.device.device_id == device), None)
    view = DeviceView(
        evidence, user=user, address=addresses.of_user(user), known=known, name=device
    )
    code, text = _state(view, known, evidence)
    history = [*view.ends(), *view.facts(Kind.SUBSCRIBED, Kind.LOST, Kind.THROTTLED)]
    slow = view.facts(Kind.UNWRITABLE)
    history += slow[-1:]
    lines = [line for fact in history if (line := _happened(fact, view)) is not None]
    lines = sorted(lines, key=lambda line: line.at)[-2 * _LATELY :]
    verdict = Verdict(user=user, device=device, code=code, text=text)
    return Story(title=f"device {device} of {user}", verdict=code, lines=lines, devices=[verdict])


def _state(view: DeviceView, known: pb.KnownDevice | None, evidence: Evidence) -> tuple[str, str]:
    following = view.following
    if known is None and not following:
        if not all(map(is_claim, view.facts(Kind.REFUSED))):
            return view.away("")
        if claimed := view.claimed():
            return "refused", claimed
        if evidence.store_error:
            return STORE_UNAVAILABLE, NO_STORE
        return "unknown", (
            "unknown: no router has ever taken it, or not for KULL_KEEP_DEVICES_FOR. "
            "Does it connect at all, and with this device id?"
        )
    queue, cursor = evidence.queue, known.cursor if known else 0
    head = queue.head if queue else 0
    floor = queue.floor if queue else 0
    behind = count(view.behind(queue) if queue else 0, "event")
    at = f"it has acknowledged seq {cursor} of {head}, {behind} behind"
    if cursor < floor and known and known.initial_head < floor:
        at += f"; entries up to {floor} are trimmed, so that it must fetch its state anew"
    if following is None:
        if unheard := view.unheard():
            return unheard[0], f"{unheard[1]}; {at}"
        return view.away(at)
    state = following.mode.replace("_", " ")
    text = f"connected to {following.node}, {state}; {at}"
    if not following.writable:
        return "slow", f"{text}. It does not read, its socket is full: look at its network"
    if following.mode == "attaching":
        return "unserved", f"{text}. No router serves its queue: `kull nodes`"
    if following.mode == "catching_up" and following.unacknowledged:
        waits = following.unacknowledged
        return "catching_up", f"{text}, {waits} unacknowledged: does the application acknowledge?"
    return following.mode, text


def _happened(fact: Fact, view: DeviceView) -> Line | None:
    why = then(closing(fact.code, fact.text), advice(fact.code))
    match fact.kind:
        case Kind.SUBSCRIBED if fact.address == addresses.of_user(view.user):
            text = (
                f"connected by way of {fact.text}, continued behind seq {fact.first} of {fact.last}"
            )
        case Kind.LOST if fact.address == addresses.of_user(view.user):
            text = (
                f"connected by way of {fact.text}; it had missed trimmed entries (recovered: false)"
            )
        case _ if is_claim(fact):
            text = f"somebody who says it is {view.name} was refused with {why}"
        case Kind.REFUSED:
            text = f"refused with {why}"
        case Kind.EVICTED | Kind.CLOSED:
            text = f"closed by {fact.node} with {why}"
        case Kind.GONE:
            text = f"its connection to {fact.node} was lost{f' ({fact.text})' if fact.text else ''}"
        case Kind.THROTTLED:
            text = f"sent more than it may, and {fact.node} read it more slowly"
        case Kind.UNWRITABLE:
            text = f"did not read: its socket at {fact.node} was full"
        case _:
            return None
    return Line(at=fact.at, text=text)
