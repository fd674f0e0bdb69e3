"""One peer under the load: what was done, in which order, and what it cost."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cpu import cpu_seconds, difference
from bench.job import Job
from bench.load.counters import Counters
from bench.load.fleet import Account, Fleet, Tally
from bench.load.publishing import Publishing
from bench.load.worker import Worker
from bench.peers.peer import Peer

FLEETS = 1  # processes of devices; more than one pays on machines with more cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a stretch of time cost.

    Attributes:
        seconds: how long it was.
        cpu: CPU seconds of the peer's roles.
        load: the largest share of a core that one process of the load generator used.
        deliveries: events that came to devices.
    """

    seconds: float
    cpu: dict[str, float]
    load: float
    deliveries: int


class Session:
    """A started peer, its devices (not yet connected) and its publisher."""

    def __init__(self, peer: Peer, job: Job, folder: Path, stack: ExitStack) -> None:
        self.peer, self.job = peer, job
        counters = folder / "counters"
        self._counters = Counters(counters)
        self._fleets = [
            _worker(stack, Fleet, peer.dialect, accounts, counters, slot)
            for slot, accounts in enumerate(_shares(_accounts(peer, job), FLEETS))
        ]
        self._publisher = _worker(
            stack, Publishing, peer.outlet(), job.users, job.per_user, counters
        )
        self._publisher.call("open")

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

    def steady(self, seconds: float, rate: float) -> float:
        """Publish at a rate (events/s); return the publisher's worst lag in seconds."""
        return float(self._publisher.call("steady", seconds, rate))

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
        found: array[int] = array("q")
        for tally in self.tallies():
            found.extend(tally.latencies)
        return found

    def tallies(self) -> list[Tally]:
        """Return what the devices have seen since the last call."""
        return self._everywhere("take_tally")

    @contextmanager
    def measured(self) -> Iterator[list[Spent]]:
        """Measure the block; the list holds the result after it."""
        result: list[Spent] = []
        roles = self.peer.roles()
        load = [worker.pid for worker in (*self._fleets, self._publisher)]
        cpu, own = roles.cpu(), [cpu_seconds(pid) for pid in load]
        begin, delivered = time.monotonic(), self._counters.total()
        yield result
        seconds = time.monotonic() - begin
        used = [cpu_seconds(pid) - before for pid, before in zip(load, own, strict=True)]
        result.append(
            Spent(
                seconds=seconds,
                cpu=difference(roles.cpu(), cpu),
                load=max(used) / seconds,
                deliveries=self._counters.total() - delivered,
            )
        )

    def _everywhere(self, method: str, *arguments: object) -> list[Any]:
        for fleet in self._fleets:
            fleet.send(method, *arguments)
        return [fleet.receive() for fleet in self._fleets]


def _worker(stack: ExitStack, build: type, *arguments: object) -> Worker:
    worker = Worker(build, *arguments)
    stack.callback(worker.close)
    return worker


def _accounts(peer: Peer, job: Job) -> list[Account]:
    urls = peer.urls()
    return [
        Account(name=name, user=user, token=peer.token(user, name), url=urls[number % len(urls)])
        for number, (name, user) in enumerate(job.pairs)
    ]


def _shares(accounts: Sequence[Account], count: int) -> list[Sequence[Account]]:
    return [accounts[number::count] for number in range(count)]
