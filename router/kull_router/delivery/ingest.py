"""From a message in a shard's queue to an event, or to where it belongs, or to the dead. PURE."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from kull_producers.errors import InvalidEvent
from kull_producers.events import address, batch, topology
from kull_producers.events.message import Message
from kull_producers.events.models import EVENTS
from kull_protos.common.tracing import is_sampled
from kull_protos.contract.event_types import EPHEMERAL, is_event_type
from kull_protos.contract.limits import MAX_EVENT_BYTES, MAX_EVENT_ID_CHARS
from kull_protos.contract.shard import shard_of
from kull_router.delivery.envelope import TEST, messages_from_body, parse_body
from kull_router.errors import PoisonMessage
from kull_router.queues.entry import NO_PROGRESS, Contract, Event

MAX_RUN_CHARS: Final = 64
MAX_REASON_CHARS: Final = 500  # why a message was buried, as it is kept


def apart(message: Message) -> list[Message]:
    """Return the messages whose events this one carries: itself, or those of a batch, in order.

    Raises PoisonMessage: it is a batch that cannot be read.
    """
    if not batch.is_batch(message):
        return [message]
    try:
        return batch.messages_in(message)
    except InvalidEvent as error:
        raise PoisonMessage(f"not a batch of events: {error}") from error


def allowed_types(own: Collection[str]) -> frozenset[str]:
    """Return the event types that a strict deployment takes: Kull's, its own, and tests'."""
    return frozenset({*EVENTS, *own, *EPHEMERAL, TEST})


def read(
    message: Message,
    *,
    shard: int,
    shard_count: int,
    now_ms: int,
    age_ms: int,
    new_id: Callable[[], str],
    allowed: Collection[str] | None = None,
) -> Event | list[Message]:
    """Return the event in a message, or what to publish instead because it was misaddressed.

    `age_ms`: the time by which what is stored grows old. `allowed`: the types of events that are
    taken, see `allowed_types`; None: any.

    Raises:
        PoisonMessage: it is no event, or of a type that is not allowed, or it was re-addressed
            before and still is wrong.
    """
    if topology.HEADER_ADDRESS not in message.headers:
        return readdress(message, shard_count=shard_count, new_id=new_id, now_ms=now_ms)
    event = _event(message, now_ms, age_ms)
    if allowed is not None and event.type not in allowed:
        raise PoisonMessage(
            f"type {event.type!r} is not declared here: name it in the routers' KULL_EVENT_TYPES, "
            "or turn KULL_STRICT_EVENTS off"
        )
    if shard_of(event.address, shard_count) == shard:
        return event
    key = address.routing_key(event.address, shard_count, event.type)
    return [_once_more(message, replace(message, routing_key=key))]


def is_well_addressed(message: Message, shard_count: int) -> bool:
    """Tell whether an event bears the shard of its address: if it came to no queue, one is missing.

    Whether it is an event otherwise, its shard finds out.
    """
    to = message.headers.get(topology.HEADER_ADDRESS)
    if not isinstance(to, str) or message.exchange not in EVENTS.exchanges:
        return False
    try:
        shard = shard_of(address.check(to), shard_count)
    except InvalidEvent:
        return False
    return message.routing_key.partition(".")[0] == f"{shard:02d}"


def readdress(
    message: Message, *, shard_count: int, now_ms: int, new_id: Callable[[], str]
) -> list[Message]:
    """Return what a message without (right) shard or headers should have been.

    One that says whose it is goes there and nowhere else: a body does not name a room. All others
    are read from their body.

    Raises PoisonMessage like `read`.
    """
    if message.exchange == topology.BURSTS:
        raise PoisonMessage("a record of a batch that does not say what it is")
    if topology.HEADER_ADDRESS in message.headers:
        try:
            to = address.check(_text(message, topology.HEADER_ADDRESS))
        except InvalidEvent as error:
            raise PoisonMessage(str(error)) from error
        key = address.routing_key(to, shard_count, message.type)
        return [_once_more(message, replace(message, routing_key=key))]
    try:
        fixed = messages_from_body(
            message.body,
            shard_count=shard_count,
            fallback_id=message.message_id or new_id(),
            now_ms=now_ms,
            app_id=message.app_id,
        )
    except InvalidEvent as error:
        raise PoisonMessage(f"not a valid event: {error}") from error
    return [_once_more(message, each) for each in fixed]


def _once_more(original: Message, fixed: Message) -> Message:
    hops = original.headers.get(topology.HEADER_HOPS, 0)
    if hops:
        raise PoisonMessage(
            f"re-addressed before and wrong again (routing key {original.routing_key!r}): "
            "do the routers run with one shard count?"
        )
    if fixed.exchange not in EVENTS.exchanges:
        raise PoisonMessage(f"came from exchange {fixed.exchange!r}, which carries no events")
    return replace(fixed, headers={**fixed.headers, topology.HEADER_HOPS: 1})


def _event(message: Message, now_ms: int, age_ms: int) -> Event:
    headers = message.headers
    if len(message.body) > MAX_EVENT_BYTES:
        raise PoisonMessage(
            f"the body has {len(message.body)} bytes, at most {MAX_EVENT_BYTES} are allowed"
        )
    try:
        body = parse_body(message.body, verbatim=True)
        to = address.check(_text(message, topology.HEADER_ADDRESS))
        contract = Contract(_text(message, topology.HEADER_CONTRACT))
    except InvalidEvent as error:
        raise PoisonMessage(str(error)) from error
    except ValueError as error:
        raise PoisonMessage(f"header {topology.HEADER_CONTRACT}: {error}") from error
    ephemeral = contract is Contract.EPHEMERAL
    if not is_event_type(body.type) and not (ephemeral and body.type in EPHEMERAL):
        raise PoisonMessage(
            f"type {body.type[:80]!r} is a word of the protocol, or not up to 64 of A-Z, 0-9 and _"
        )
    event_id = message.message_id or body.id
    if not 0 < len(event_id) <= MAX_EVENT_ID_CHARS:
        raise PoisonMessage(f"the event's id must have 1 to {MAX_EVENT_ID_CHARS} characters")
    key = _text(message, topology.HEADER_KEY)
    if contract is Contract.LATEST and not key:
        raise PoisonMessage(f"contract 'latest' needs the header {topology.HEADER_KEY}")
    version = _number(message, topology.HEADER_VERSION, 0)
    progress = _number(message, topology.HEADER_PROGRESS, NO_PROGRESS)
    run = _run(message)
    latest = contract is Contract.LATEST
    return Event(
        id=event_id,
        address=to,
        type=body.type,
        service=message.app_id,
        contract=contract,
        body=message.body.strip(),  # seq is spliced in right behind the opening brace
        key=key if latest else "",
        run=run if latest else "",
        version=version if latest and run else 0,
        progress=progress if latest else NO_PROGRESS,
        late=bool(headers.get(topology.HEADER_LATE, False)),
        final=bool(headers.get(topology.HEADER_FINAL, False)),
        exclude_device=_text(message, topology.HEADER_EXCLUDE),
        created_ms=_happened(body.timestamp_ms, now_ms) if ephemeral else age_ms,
        trace=_trace(headers.get(topology.HEADER_TRACEPARENT)),
        published_ms=body.timestamp_ms or 0,
    )


def _run(message: Message) -> str:
    run = _text(message, topology.HEADER_RUN)
    if len(run) > MAX_RUN_CHARS:
        raise PoisonMessage(
            f"header {topology.HEADER_RUN} has more than {MAX_RUN_CHARS} characters"
        )
    return run


def _trace(traceparent: object) -> str:
    """One that says nothing, or nothing that can be read, harms nothing (W3C, 2.2)."""
    return traceparent if isinstance(traceparent, str) and is_sampled(traceparent) else ""


def _happened(timestamp_ms: int | None, now_ms: int) -> int:
    """What is stored ages from its arrival; what is not, from when it happened."""
    return now_ms if timestamp_ms is None else min(timestamp_ms, now_ms)


def _text(message: Message, name: str) -> str:
    value = message.headers.get(name, "")
    if not isinstance(value, str):
        raise PoisonMessage(f"header {name} must be a text")
    return value


def _number(message: Message, name: str, default: int) -> int:
    if name not in message.headers:
        return default
    value = message.headers[name]
    if type(value) is not int or not 0 <= value < 2**63:
        raise PoisonMessage(f"header {name} must be a whole number from 0 to 2^63-1")
    return value


def dead(message: Message, reason: str) -> Message:
    """Return what goes to the dead-letter queue: the message as it came, and why."""
    return replace(
        message,
        exchange=topology.DEAD,
        headers={
            **message.headers,
            topology.HEADER_REASON: reason[:MAX_REASON_CHARS],
            topology.HEADER_EXCHANGE: message.exchange,
        },
    )


def is_rabbitmqs(header: str) -> bool:
    """Tell whether RabbitMQ itself has written a header: how often a message was handed out."""
    return header.startswith("x-")


def revived(message: Message) -> Message:
    """Return what a dead letter was before, to be published again.

    Raises PoisonMessage: where it had been published is not known (an older version buried it, and
    its type has no exchange), or it was published past the exchanges of events.
    """
    ours = (topology.HEADER_REASON, topology.HEADER_EXCHANGE, topology.HEADER_HOPS)
    headers = {
        name: value
        for name, value in message.headers.items()
        if name not in ours and not is_rabbitmqs(name)
    }
    model = EVENTS.get(message.type)
    usual = topology.BURSTS if message.type == topology.BATCH else ""
    usual = model.event_type.exchange if model else usual
    exchange = message.headers.get(topology.HEADER_EXCHANGE, usual)
    if exchange not in (*EVENTS.exchanges, topology.BURSTS):
        raise PoisonMessage("it does not say where it had been published: publish it anew there")
    return replace(message, exchange=str(exchange), headers=headers)
