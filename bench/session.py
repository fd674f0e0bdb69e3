"""One rival under the load: what was done, in which order, and what it cost."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cpu import cpu_seconds, difference, machine_seconds
from bench.job import Job
from bench.load.account import Account, Tally
from bench.load.counters import Counters
from bench.load.publishing import TURN, Publishing
from bench.load.queue_consumer import QueueConsumer
from bench.load.worker import Worker
from bench.rivals.rival import Rival

FLEETS = 1  # processes of devices; more than one pays on machines with more cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a stretch of time cost.

    Attributes:
        seconds: how long it was.
        cpu: CPU seconds of the rival's roles.
        load: the largest share of a core that one process of the load generator used.
        others: the cores that everything else on this machine used.
        deliveries: events that came to devices.
    """

    seconds: float
    cpu: dict[str, float]
    load: float
    others: float
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Readings:
    at: float
    machine: float
    roles: dict[str, float]
    load: list[float]
    delivered: int


class Session:
    """A started rival, its devices (not yet connected) and its publisher.

    `half_rate`: events/s, half of what we took at most; None while nobody knows.
    """

    def __init__(
        self,
        rival: Rival,
        job: Job,
        folder: Path,
        stack: ExitStack,
        *,
        half_rate: float | None = None,
    ) -> None:
        self.rival, self.job = rival, job
        self.half_rate = half_rate
        self.spent: dict[str, Spent] = {}
        self.notes: list[str] = []
        self._seen = Tally()
        counters = folder / "counters"
        fleet = _fleet(rival.dialect)
        self._counters = Counters(counters)
        self._fleets = [
            _worker(stack, fleet, rival.dialect, accounts, counters, slot)
            for slot, accounts in enumerate(_shares(_accounts(rival, job), FLEETS))
        ]
        self._publisher = _worker(
            stack, Publishing, rival.outlet(), job.users, job.per_user, counters
        )
        self._publisher.call("open")
        rival.settle()
        self._memory = rival.roles().memory()

    def note(self, text: str) -> None:
        """Add what a reader of the figures must know."""
        self.notes.append(text)

    def rest(self, seconds: float) -> None:
        """Do nothing."""
        time.sleep(seconds)

    def grown(self) -> dict[str, float]:
        """Return the bytes by which each role has grown since before the first device.

        A role that has shrunk, as a broker does after its start, counts as 0.
        """
        self.rival.settle()
        grown = difference(self.rival.roles().memory(), self._memory)
        return {role: max(0.0, size) for role, size in grown.items()}

    def connect(self) -> float:
        """Connect every device; return the seconds until the last one is ready."""
        each = max(1, self.job.connecting // len(self._fleets))
        return float(max(self._everywhere("connect", each)))

    def disconnect(self) -> None:
        """Drop every connection."""
        self._everywhere("disconnect")

    def saturate(self, seconds: float) -> None:
        """Publish as much as is taken."""
        self._publisher.call("saturate", seconds, self.job.outstanding)

    def steady(self, seconds: float, rate: float, every: float = TURN) -> float:
        """Publish at a rate (events/s), what is due within `every` seconds at once.

        Return the publisher's worst lag in seconds.
        """
        return float(self._publisher.call("steady", seconds, rate, every))

    def level(self) -> bool:
        """Wait until everything is delivered; return whether it came to that."""
        return bool(self._publisher.call("level"))

    def backlog(self) -> None:
        """Publish the job's backlog to everybody."""
        self._publisher.call("backlog", self.job.backlog)

    def broadcast(self) -> float:
        """Publish one event to all; return the seconds until the last device has it."""
        return float(self._publisher.call("broadcast", self.job.devices))

    def latencies(self, keep: bool) -> array[int]:
        """Begin (or end) noting latencies; return those noted so far, in µs."""
        self._everywhere("keep_latencies", keep)
        return self._take_tallies()

    def seen(self) -> Tally:
        """Return what all devices have seen since the start, without latencies."""
        self._take_tallies()
        return self._seen

    def _take_tallies(self) -> array[int]:
        """Add what was seen since the last call to the sum; return the latencies."""
        latencies: array[int] = array("q")
        for tally in self._everywhere("take_tally"):
            latencies.extend(tally.latencies)
            self._seen.repeats += tally.repeats
            self._seen.disordered += tally.disordered
            self._seen.lost_connections += tally.lost_connections
        return latencies

    @contextmanager
    def measured(self, what: str) -> Iterator[list[Spent]]:
        """Measure the block; the list holds the result after it."""
        result: list[Spent] = []
        before = self._readings()
        yield result
        after = self._readings()
        seconds = after.at - before.at
        cpu = difference(after.roles, before.roles)
        own = [now - then for now, then in zip(after.load, before.load, strict=True)]
        others = after.machine - before.machine - sum(cpu.values()) - sum(own)
        spent = Spent(
            seconds=seconds,
            cpu=cpu,
            load=max(own) / seconds,
            others=max(0.0, others / seconds),
            deliveries=after.delivered - before.delivered,
        )
        self.spent[what] = spent
        result.append(spent)

    def _readings(self) -> _Readings:
        return _Readings(
            at=time.monotonic(),
            machine=machine_seconds(),
            roles=self.rival.roles().cpu(),
            load=[cpu_seconds(worker.pid) for worker in (*self._fleets, self._publisher)],
            delivered=self._counters.total(),
        )

    def _everywhere(self, method: str, *arguments: object) -> list[Any]:
        for fleet in self._fleets:
            fleet.send(method, *arguments)
        return [fleet.receive() for fleet in self._fleets]


def _fleet(dialect: str) -> type:
    if dialect == "amqp":
        return QueueConsumer
    from bench.load.fleet import Fleet  # noqa: PLC0415 - plans and tables need no picows

    return Fleet


def _worker(stack: ExitStack, build: type, *arguments: object) -> Worker:
    worker = Worker(build, *arguments)
    stack.callback(worker.close)
    return worker


def _accounts(rival: Rival, job: Job) -> list[Account]:
    urls = rival.urls()
    return [
        Account(name=name, user=user, token=rival.token(user, name), url=urls[number % len(urls)])
        for number, (name, user) in enumerate(job.pairs)
    ]


def _shares(accounts: Sequence[Account], count: int) -> list[Sequence[Account]]:
    return [accounts[number::count] for number in range(count)]
