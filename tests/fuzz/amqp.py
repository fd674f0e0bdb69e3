"""Hostile publishers: each message becomes an event, moves on to its shard, or is buried."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from kull_producers.events import topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate, PromptChange, ShootProgress
from kull_producers.events.stamp import Stamp
from kull_router.delivery import ingest
from kull_router.errors import PoisonMessage
from kull_router.queues.entry import Event, message_of
from tests.fuzz.mutate import Mutator

SHARDS = 4
NOW_MS = 1_700_000_000_000
HEADERS = (
    topology.HEADER_ADDRESS,
    topology.HEADER_CONTRACT,
    topology.HEADER_KEY,
    topology.HEADER_RUN,
    topology.HEADER_VERSION,
    topology.HEADER_PROGRESS,
    topology.HEADER_LATE,
    topology.HEADER_FINAL,
    topology.HEADER_EXCLUDE,
    topology.HEADER_HOPS,
    topology.HEADER_TRACEPARENT,
)
STAMP = Stamp(id="id-1", timestamp_ms=NOW_MS, run="run-1", version=7)


@dataclass(slots=True)
class Report:
    """What came of it."""

    inputs: int = 0
    events: int = 0
    moved: int = 0
    buried: int = 0
    errors: list[str] = field(default_factory=list)
    read: list[Event] = field(default_factory=list)


def corpus() -> list[Message]:
    """Return good messages of every kind."""
    shoot = ShootProgress(
        shoot_id="s", status="queued", processed_count=0, total_count=1, provider="p"
    )
    credit = CreditUpdate(user_id="maya", new_balance=1, change=1, reason="r")
    prompt = PromptChange(prompt_id="p", action="voted", user_ids=("maya", "otto"))
    return [
        *messages_of(shoot, STAMP, shard_count=SHARDS, user_id="maya"),
        *messages_of(credit, STAMP, shard_count=SHARDS),
        *messages_of(prompt, STAMP, shard_count=SHARDS),
        *messages_of(PromptChange(prompt_id="p", action="created"), STAMP, shard_count=SHARDS),
        *messages_of(shoot, STAMP, shard_count=SHARDS, room="wedding"),
    ]


def fuzz(inputs: int, seed: int, told: Callable[[str], None] = lambda _: None) -> Report:
    """Read inputs as a router does. Anything but an event, a move or a reason is an error."""
    good = corpus()
    bodies = Mutator([message.body for message in good], seed)
    report = Report()
    for number in range(inputs):
        message = _broken(bodies.rng, bodies, good)
        report.inputs += 1
        try:
            _read(message, report)
        except Exception as error:
            report.errors.append(f"{error!r} for {message!r}")
        if number % 5000 == 0:
            told(f"amqp: {number} of {inputs}")
    return report


def _read(message: Message, report: Report) -> None:
    try:
        read = ingest.read(
            message,
            shard=0,
            shard_count=SHARDS,
            now_ms=NOW_MS,
            age_ms=NOW_MS,
            new_id=lambda: "new-id",
        )
    except PoisonMessage as reason:
        assert str(reason)
        report.buried += 1
        return
    if not isinstance(read, Event):
        assert read
        report.moved += 1
        return
    report.events += 1
    report.read.append(read)
    # What devices get is JSON, and it is the router that says where it stands.
    frame = json.loads(message_of(read, 7))
    assert frame["seq"] == 7
    assert frame.get("queue", "user") in {"user", "all"} or read.address.startswith("room:")


def _broken(rng: random.Random, bodies: Mutator, good: list[Message]) -> Message:
    message = rng.choice(good)
    headers = dict(message.headers)
    for _ in range(rng.choice((0, 0, 1, 3))):
        name = rng.choice(HEADERS)
        if rng.random() < 0.3:
            headers.pop(name, None)
        else:
            headers[name] = rng.choice(
                ("", "x" * 300, "user:", "user:#", "room:a", "all", "latest", "every", "ephemeral",
                 -1, 0, 2**63, 2**70, True, False, "\ud800", "\0", "user:maya", "é")
            )  # fmt: skip
    body = bodies.draw() if rng.random() < 0.7 else message.body
    return replace(
        message,
        body=body,
        headers=headers,
        message_id=rng.choice((message.message_id, "", "x" * 300, "\0", "id-2")),
        type=rng.choice((message.type, "", "NOPE")),
        routing_key=rng.choice((message.routing_key, "", "#", "00.user.x.y")),
        exchange=rng.choice((message.exchange, "", "kull.route")),
    )
