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
from bench.rivals.ceiling import Ceiling
from bench.rivals.kull import Kull
from bench.rivals.rival import Rival
from bench.rivals.socketio_node import NodeSocketIO
from bench.rivals.socketio_python import PythonSocketIO
from bench.rivals.straight import Straight
from bench.rivals.web_mqtt import WebMqtt

MQTT: Final = WebMqtt.name
STRAIGHT: Final = Straight.name
PYTHON: Final = "python-socketio × 1"
NODE: Final = NodeSocketIO.name

ONE: Final = "1,000 devices, one per user"
THREE: Final = "3,000 devices, three per user"
SCALING: Final = "3,000 devices, one per user, on more processes"
MORE: Final = "5,000 devices, one per user"
MOST: Final = "10,000 devices, one per user"
QUICK: Final = "300 devices, one per user"

RATES: Final = (200, 1_000, 2_000)  # events/s

CONNECTED: Final[Sequence[Step]] = (
    figures.connect,
    figures.memory,
    *map(figures.at, RATES),
    figures.saturate,
    figures.reconnect,
    figures.steady,
    figures.broadcast,
)
DURABLE: Final[Sequence[Step]] = (*CONNECTED, figures.backlog)
JUST_FULL: Final[Sequence[Step]] = (figures.connect, figures.saturate)


@dataclass(frozen=True, slots=True)
class Entry:
    """One rival in a load and what is measured of it. Only who keeps events has a backlog."""

    build: Callable[[], Rival]
    steps: Sequence[Step]


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


def quick() -> list[Load]:
    """Return what `make bench-quick` runs: every rival and every step, small."""
    job = Job(devices=300, seconds=2.0, warmup=1.0, idle=2.0, broadcasts=3)
    return [Load(name=QUICK, job=job, entries=_everybody())]


def tiny() -> list[Load]:
    """Return what a test of the harness runs: ours and the ceiling, in seconds."""
    job = Job(devices=30, seconds=0.5, warmup=0.2, idle=0.5, broadcasts=1, backlog=2)
    entries = [Entry(Kull, (*DURABLE, figures.idle)), _ceiling()]
    # Beside other tests the machine is never calm.
    return [Load(name="30 devices, one per user", job=job, entries=entries, tries=1)]


def pairs(earlier: Earlier) -> list[Load]:
    """Return what `make bench-smoke` runs: this state and an earlier one, at the same rates."""
    steps = (figures.connect, *map(figures.at, RATES), figures.saturate)
    entries = [Entry(Kull, steps), Entry(functools.partial(Kull, earlier=earlier), steps)]
    return [Load(name=ONE, job=Job(devices=1_000, seconds=4.0), entries=entries)]


def full() -> list[Load]:
    """Return what `make bench` runs."""
    return [
        Load(name=ONE, job=Job(devices=1_000, seconds=4.0), entries=_everybody(), rounds=5),
        Load(
            name=THREE,
            job=Job(devices=3_000, per_user=3, seconds=4.0),
            entries=[Entry(build, JUST_FULL) for build in (Kull, WebMqtt, Straight)],
            rounds=5,
        ),
        Load(name=SCALING, job=Job(devices=3_000), entries=_scaling()),
        Load(name=MORE, job=Job(devices=5_000, idle=35.0), entries=_growing()),
        Load(name=MOST, job=Job(devices=10_000, idle=35.0), entries=_most()),
    ]


def _everybody() -> list[Entry]:
    return [
        Entry(Kull, DURABLE),
        Entry(WebMqtt, DURABLE),
        Entry(Straight, DURABLE),
        Entry(PythonSocketIO, CONNECTED),
        Entry(NodeSocketIO, CONNECTED),
        Entry(functools.partial(Kull, postgres=True), JUST_FULL),
        Entry(functools.partial(PythonSocketIO, servers=3), JUST_FULL),
        _ceiling(),
    ]


def _ceiling() -> Entry:
    return Entry(Ceiling, (figures.attach, figures.saturate))


def _scaling() -> list[Entry]:
    builds: list[Callable[[], Rival]] = [
        Kull,
        functools.partial(Kull, edges=2),
        functools.partial(Kull, edges=4),
        functools.partial(Kull, postgres=True),
        functools.partial(Kull, postgres=True, routers=2),
    ]
    return [Entry(build, JUST_FULL) for build in builds]


def _growing() -> list[Entry]:
    steps = (figures.connect, figures.memory, figures.idle, figures.saturate, figures.backlog)
    return [Entry(Kull, steps), Entry(WebMqtt, steps)]


def _most() -> list[Entry]:
    steps = (
        figures.connect,
        figures.memory,
        figures.idle,
        figures.saturate,
        figures.broadcast,
    )
    builds: list[Callable[[], Rival]] = [Kull, WebMqtt, PythonSocketIO, NodeSocketIO]
    return [Entry(build, steps) for build in builds]


GOALS: Final = (
    Goal(figure=figures.CPU.name, load=ONE, rival=MQTT, limit=0.45),
    Goal(figure=figures.CPU.name, load=THREE, rival=MQTT, limit=0.35),
    Goal(figure=figures.CPU.name, load=ONE, rival=STRAIGHT, limit=0.5),
    Goal(figure=figures.OWN_CPU.name, load=ONE, limit=80),
    Goal(figure=figures.RATE.name, load=ONE, rival=MQTT, limit=2),
    Goal(figure=figures.RATE.name, load=ONE, rival=STRAIGHT, limit=3),
    Goal(figure=figures.RATE.name, load=ONE, rival=PYTHON, limit=1),
    Goal(figure=figures.P99.name, load=ONE, rival=MQTT, limit=1),
    Goal(figure=figures.CONNECTS.name, load=ONE, rival=MQTT, limit=4),
    Goal(figure=figures.RECONNECTS.name, load=ONE, rival=MQTT, limit=4),
    Goal(figure=figures.MEMORY.name, load=MOST, limit=20),
    Goal(figure=figures.MEMORY.name, load=MOST, rival=MQTT, limit=0.2),
    Goal(figure=figures.BROADCAST.name, load=MOST, rival=PYTHON, limit=1 / 3),
    Goal(figure=figures.BROADCAST.name, load=MOST, rival=NODE, limit=1),
    Goal(figure=figures.CONNECT_OBJECTS.name, load=ONE, limit=0),
)
