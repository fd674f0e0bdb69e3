"""The life of one event, or how a device fares, as sentences. PURE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kull_mesh.why.devices import DeviceView, Verdict
from kull_mesh.why.evidence import Evidence, Question, user_of
from kull_mesh.why.words import advice, closing, count, moment, then
from kull_protos.common.flight_recorder import Kind
from kull_protos.contract import addresses
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1.attach_pb2 import Fact

_LATELY: Final = 5  # refusals, throttlings and the like that are told of a device
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
    if not evidence.traces:
        return [_not_stored(question, evidence)]
    return [_stored(question, trace, evidence) for trace in evidence.traces]


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
    for fact in evidence.of(Kind.STORED, address=trace.address):
        if fact.first <= trace.seq <= fact.last:
            edges = f"pushed to {fact.text}" if fact.text else "nobody was connected"
            by = f"by {fact.node}, term {fact.term}"
            text = f"stored {where} {by}, RabbitMQ had confirmed it; {edges}"
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
    for fact in evidence.of(Kind.DROPPED, address=trace.address):
        if fact.at >= trace.stored_at:
            text = f"pushes to {fact.text} were dropped, it did not keep up: its devices catch up"
            yield Line(at=fact.at, text=text)


def _outcome(trace: pb.Trace, evidence: Evidence) -> tuple[str, list[Line]]:
    if trace.kept:
        return "stored", []
    for fact in evidence.of(Kind.REPLACED, address=trace.address):
        if fact.first == trace.seq:
            text = f"replaced by seq {fact.last}, a newer one of the same key"
            return "replaced", [Line(at=fact.at, text=text)]
    if trace.seq > trace.queue.floor:
        return "replaced", [Line(text="replaced by a newer one of the same key")]
    had = [each.cursor >= trace.seq for each in trace.devices if not each.device.ephemeral]
    if had and all(had):
        return "trimmed", [Line(text="trimmed: every device of the user has acknowledged it")]
    text = (
        f"trimmed by retention: entries up to seq {trace.queue.floor} are gone "
        "(KULL_KEEP_EVERY_ENTRIES, KULL_KEEP_LATEST_ENTRIES, KULL_KEEP_ENTRIES_FOR)"
    )
    return "trimmed", [Line(text=text)]


def _verdicts(question: Question, trace: pb.Trace, evidence: Evidence) -> list[Verdict]:
    user = user_of(trace.address) or question.user
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


def _not_stored(question: Question, evidence: Evidence) -> Story:
    verdict, line = _refusal(question, evidence)
    return Story(title=f"event {question.event_id}", verdict=verdict, lines=[line])


def _refusal(question: Question, evidence: Evidence) -> tuple[str, Line]:
    about = [each for each in evidence.facts if each.event_id == question.event_id]
    for fact in reversed(about):
        if fact.kind == Kind.DEAD:
            why = f"dead-lettered by {fact.node}: {fact.text}"
            text = f"{why}. It lies in `kull.dead`: mend the publisher"
            return "dead_lettered", Line(at=fact.at, text=text)
        if fact.kind == Kind.STALE:
            text = (
                f"stale: {fact.address} held a newer one of {fact.text} when it came, and "
                f"{fact.node} dropped it: nothing to do, devices have the newer one"
            )
            return "stale", Line(at=fact.at, text=text)
    since = f" since {moment(evidence.since, evidence.now)}" if evidence.since else ""
    return "unknown", Line(text=UNKNOWN.format(since=since))


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
        refused = view.facts(Kind.REFUSED)
        if refused:
            return view.away("")
        return "unknown", (
            "unknown: no router has ever taken it, or not for KULL_KEEP_DEVICES_FOR. "
            "Does it connect at all, and with this device id?"
        )
    queue, cursor = evidence.queue, known.cursor if known else 0
    head = queue.head if queue else 0
    floor = queue.floor if queue else 0
    behind = count(max(0, head - cursor), "event")
    at = f"it has acknowledged seq {cursor} of {head}, {behind} behind"
    if cursor < floor and known and known.initial_head < floor:
        at += f"; entries up to {floor} are trimmed, so that it must fetch its state anew"
    if following is None:
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
