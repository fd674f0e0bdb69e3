"""What is run: which peers, under which load, how often."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench import figures
from bench.figures import Step
from bench.job import Job
from bench.peers.kull import Kull
from bench.peers.peer import Peer
from bench.peers.straight import Straight
from bench.peers.web_mqtt import WebMqtt
from bench.results import Goal

MQTT: Final = WebMqtt.name
STRAIGHT: Final = Straight.name

Build = Callable[[], Peer]

ALL_STEPS: Final[Sequence[Step]] = (
    figures.connect,
    figures.idle,
    figures.saturate,
    figures.reconnect,
    figures.steady,
    figures.broadcast,
    figures.backlog,
)
ONE: Final = "one device per user"
THREE: Final = "three devices per user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One job for several peers. Rounds are interleaved: each peer has its turn in each of them.

    The first peer is ours; half of its throughput is the rate of the steady load.
    """

    name: str
    job: Job
    peers: Sequence[Build]
    steps: Sequence[Step] = ALL_STEPS
    rounds: int = 1


def quick() -> list[Load]:
    """Return what `make bench-quick` runs: every step, small."""
    job = Job(devices=300, seconds=2.0, warmup=1.0, idle=2.0, broadcasts=3)
    peers: list[Build] = [Kull, WebMqtt, Straight]
    return [Load(name=ONE, job=job, peers=peers)]


def full() -> list[Load]:
    """Return what `make bench` runs."""
    one = Job(devices=1_000)
    three = Job(devices=3_000, per_user=3)
    postgres = functools.partial(Kull, postgres=True)
    return [
        Load(name=ONE, job=one, peers=[Kull, postgres, WebMqtt, Straight], rounds=3),
        Load(
            name=THREE,
            job=three,
            peers=[Kull, WebMqtt, Straight],
            steps=(figures.connect, figures.saturate),
            rounds=3,
        ),
    ]


GOALS: Final = (
    Goal(figure=figures.CPU.name, load=ONE, peer=MQTT, limit=0.45),
    Goal(figure=figures.CPU.name, load=THREE, peer=MQTT, limit=0.35),
    Goal(figure=figures.CPU.name, load=ONE, peer=STRAIGHT, limit=0.5),
    Goal(figure=f"{figures.CPU.name}: router and edge", load=ONE, limit=80),
    Goal(figure=figures.RATE.name, load=ONE, peer=MQTT, limit=2),
    Goal(figure=figures.RATE.name, load=ONE, peer=STRAIGHT, limit=3),
    Goal(figure=figures.P99.name, load=ONE, peer=MQTT, limit=1),
    Goal(figure=figures.CONNECTS.name, load=ONE, peer=MQTT, limit=4),
    Goal(figure=figures.RECONNECTS.name, load=ONE, peer=MQTT, limit=4),
    Goal(figure=figures.MEMORY.name, load=ONE, limit=20),
    Goal(figure=figures.MEMORY.name, load=ONE, peer=MQTT, limit=0.2),
    Goal(figure=figures.CONNECT_OBJECTS.name, load=ONE, limit=0),
)
