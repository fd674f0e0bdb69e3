"""What is run: which rivals, under which load, how often."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench import figures
from bench.earlier import Earlier
from bench.figures import Step
from bench.job import Job
from bench.results import Goal
from bench.rivals import centrifugo
from bench.rivals.ceiling import Ceiling
from bench.rivals.centrifugo import Centrifugo
from bench.rivals.kull import Kull
from bench.rivals.kull_bursts import KullBursts
from bench.rivals.rival import Rival
from bench.rivals.socketio_node import NodeSocketIO
from bench.rivals.socketio_python import PythonSocketIO
from bench.rivals.straight import Straight
from bench.rivals.web_mqtt import WebMqtt

MQTT: Final = WebMqtt.name
NODE: Final = NodeSocketIO.name
CENTRIFUGO: Final = "Centrifugo (Redis, one by one)"
CENTRIFUGO_REDIS: Final = functools.partial(Centrifugo, on_redis=True)

ONE: Final = "1,000 devices, one per user"
THREE: Final = "3,000 devices, three per user"
SCALING: Final = "3,000 devices, one per user, on more processes"
MOST: Final = "10,000 devices, one per user"
MANY: Final = Job(devices=10_000, seconds=4.0, idle=35.0, backlog=5)
QUICK: Final = "300 devices, one per user"
CLAIMED: Final = 5  # rounds of what a goal is about
CONNECTS: Final = "connects of 2,000 devices, one per user"

CONNECTED: Final[Sequence[Step]] = (
    figures.connect,
    figures.memory,
    *map(figures.at, figures.RATES),
    figures.saturate,
    figures.reconnect,
)
# What no goal is about at this size. Only who keeps events has a backlog.
ONCE: Final[Sequence[Step]] = (figures.steady, figures.broadcast)
ONCE_KEPT: Final[Sequence[Step]] = (*ONCE, figures.backlog)
JUST_FULL: Final[Sequence[Step]] = (figures.connect, figures.saturate)


@dataclass(frozen=True, slots=True)
class Entry:
    """One rival in a load and what is measured of it.

    Attributes:
        once: steps of the first round alone, after the others: what no goal is about.
        rounds: it takes part in so many of the load's first ones; None: in all.
    """

    build: Callable[[], Rival]
    steps: Sequence[Step]
    once: Sequence[Step] = ()
    rounds: int | None = None

    def steps_of(self, number: int) -> Sequence[Step]:
        """Return what is measured in a round; the first one is 1."""
        return (*self.steps, *self.once) if number == 1 else self.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One job for several rivals. Rounds are interleaved: each rival has its turn in each of them.

    The first rival is ours; half of its throughput is the rate of the steady load. A turn in which
    others used the machine is repeated, until it has been made `tries` times.
    """

    name: str
    job: Job
    entries: Sequence[Entry]
    rounds: int = 1
    tries: int = 3

    def turns(self, number: int) -> list[Entry]:
        """Return who has a turn in a round, in their order: every other round goes backwards."""
        there = [each for each in self.entries if each.rounds is None or number <= each.rounds]
        return there if number % 2 else there[::-1]


def quick() -> list[Load]:
    """Return what `make bench-quick` runs: every rival and every step, small."""
    job = Job(devices=300, seconds=2.0, warmup=1.0, idle=2.0, broadcasts=3)
    return [Load(name=QUICK, job=job, entries=_everybody())]


def tiny() -> list[Load]:
    """Return what a test of the harness runs, in seconds: ours, the ceiling, and a Centrifugo."""
    job = Job(devices=30, seconds=0.5, warmup=0.2, idle=0.5, broadcasts=1, backlog=2)
    entries = [Entry(Kull, CONNECTED, once=(*ONCE_KEPT, figures.idle)), _ceiling()]
    if centrifugo.binary():
        entries.append(Entry(Centrifugo, (*CONNECTED, figures.broadcast, figures.backlog)))
        entries.append(Entry(functools.partial(Centrifugo, batches=True), JUST_FULL))
    # Beside other tests the machine is never calm.
    return [Load(name="30 devices, one per user", job=job, entries=entries, tries=1)]


def pairs(earlier: Earlier) -> list[Load]:
    """Return what `make bench-smoke` runs: this state and an earlier one, at the same rates.

    `--only connects` leaves the rates out.
    """
    builds: list[Callable[[], Rival]] = [Kull, functools.partial(Kull, earlier=earlier)]
    rates = (figures.connect, *map(figures.at, figures.RATES), figures.saturate)
    connects = (figures.connect, figures.memory, figures.reconnect)
    return [
        Load(
            name=ONE,
            job=Job(devices=1_000, seconds=4.0),
            entries=[Entry(build, rates) for build in builds],
        ),
        Load(
            name=CONNECTS,
            job=Job(devices=2_000),
            entries=[Entry(build, connects) for build in builds],
        ),
    ]


def bursts() -> list[Load]:
    """Return what shows what bursts bring: without and with, in turns."""
    at_rates = (figures.at(1_000), figures.in_clumps(1_000, 0.2))  # as `SqlRelay` polls
    steps = (figures.connect, *at_rates, figures.saturate)
    entries = [Entry(Kull, steps), Entry(KullBursts, steps)]
    return [Load(name=ONE, job=Job(devices=1_000, seconds=4.0), entries=entries, rounds=3)]


def full() -> list[Load]:
    """Return what `make bench` runs: goals have five rounds, what has none one or two."""
    return [
        Load(
            name=ONE,
            job=Job(devices=1_000, warmup=1.0),
            entries=_everybody(),
            rounds=CLAIMED,
            tries=2,
        ),
        Load(
            name=THREE,
            job=Job(devices=3_000, per_user=3, seconds=4.0, warmup=1.0),
            entries=[
                Entry(Kull, JUST_FULL),
                Entry(WebMqtt, JUST_FULL),
                Entry(CENTRIFUGO_REDIS, JUST_FULL, rounds=1),
                Entry(Straight, JUST_FULL, rounds=1),
            ],
            rounds=CLAIMED,
            tries=2,
        ),
        Load(name=MOST, job=MANY, entries=_most(), rounds=CLAIMED, tries=2),
        Load(name=SCALING, job=Job(devices=3_000, seconds=4.0), entries=_scaling(), tries=2),
    ]


def _everybody() -> list[Entry]:
    return [
        Entry(Kull, CONNECTED, once=ONCE_KEPT),
        Entry(WebMqtt, CONNECTED, once=ONCE_KEPT),
        Entry(CENTRIFUGO_REDIS, CONNECTED, once=ONCE_KEPT),
        Entry(KullBursts, JUST_FULL, rounds=2),
        _ceiling(),
        Entry(NodeSocketIO, CONNECTED, once=ONCE, rounds=2),
        Entry(functools.partial(Centrifugo, on_redis=True, batches=True), CONNECTED, rounds=2),
        Entry(Centrifugo, CONNECTED, once=ONCE_KEPT, rounds=2),
        Entry(functools.partial(Centrifugo, batches=True), CONNECTED, rounds=1),
        Entry(Straight, CONNECTED, once=ONCE_KEPT, rounds=1),
        Entry(PythonSocketIO, CONNECTED, once=ONCE, rounds=1),
        Entry(functools.partial(Kull, postgres=True), JUST_FULL, rounds=2),
        Entry(functools.partial(PythonSocketIO, servers=3), JUST_FULL, rounds=1),
    ]


def _ceiling() -> Entry:
    steps = (figures.attach, figures.at(figures.EVERYDAY), figures.saturate)
    return Entry(Ceiling, steps)


def _scaling() -> list[Entry]:
    builds: list[Callable[[], Rival]] = [
        Kull,
        functools.partial(Kull, edges=2),
        functools.partial(Kull, edges=4),
        functools.partial(Kull, postgres=True),
        functools.partial(Kull, postgres=True, routers=2),
    ]
    return [Entry(build, JUST_FULL) for build in builds]


def _most() -> list[Entry]:
    """Memory and broadcasts have goals, beside Node; the rest shows how rivals grow."""
    steps = (figures.connect, figures.memory, figures.broadcast)
    more = (figures.idle, figures.saturate)
    return [
        Entry(Kull, steps, once=(*more, figures.backlog)),
        Entry(NodeSocketIO, steps, once=more),
        Entry(CENTRIFUGO_REDIS, steps, once=(*more, figures.backlog), rounds=1),
        Entry(PythonSocketIO, steps, rounds=1),
        Entry(WebMqtt, steps, once=more, rounds=1),
    ]


GOALS: Final = (
    Goal(figure=figures.CPU.name, load=ONE, rival=MQTT, limit=0.65),
    Goal(figure=figures.CPU_THEN.name, load=ONE, rival=MQTT, limit=0.9),
    Goal(figure=figures.OWN_CPU.name, load=ONE, limit=110),
    Goal(figure=figures.OWN_CPU_THEN.name, load=ONE, limit=300),
    *(
        Goal(figure=figures.at_rate(rate, "p99").name, load=ONE, limit=limit)
        for rate, limit in zip(figures.RATES, (4, 10, 25), strict=True)
    ),
    Goal(figure=figures.at_rate(figures.EVERYDAY, "p99").name, load=ONE, rival=MQTT, limit=3),
    Goal(figure=figures.RATE.name, load=ONE, rival=MQTT, limit=1.8),
    Goal(figure=figures.CPU.name, load=THREE, rival=MQTT, limit=0.18),
    Goal(figure=figures.CPU.name, load=ONE, rival=CENTRIFUGO, limit=1.5),
    Goal(figure=figures.CONNECT_CPU.name, load=ONE, limit=0.6),
    Goal(figure=figures.CONNECTS.name, load=ONE, rival=MQTT, limit=5),
    Goal(figure=figures.BROADCAST.name, load=MOST, rival=NODE, limit=1),
    Goal(figure=figures.MEMORY.name, load=MOST, limit=15),
)
