"""RabbitMQ is taken away from a billing service with an outbox, which goes on emitting.

    python bench/outbox_outage.py --seconds 60

The service is a process of its own and emits credits for several users at a steady rate; RabbitMQ
is killed, stays away for that long, and is started again. The same run without the outage is
measured beside it. What arrives is read from a queue that is bound to everything on `kull.credit`.
Exit code 1 when an accepted event is lost, or arrives out of order.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests.support

from tests.support import machine
from tests.support.arguments import at_least, stop_in_order
from tests.support.audit import audit, deploy
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until

ROOT = Path(__file__).parents[1]
SHARDS = 16
MARGIN = 10.0  # seconds of emitting before the outage and after it
REPORT = 0.1  # seconds between two looks at the service
DRAINED_WITHIN = 300.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the service looked like. Times in seconds, sizes in bytes."""

    at: float
    memory: int
    pending: int
    oldest: float
    file: int


@dataclass(slots=True)
class Run:
    """What one run has seen. Lists are in order; `marks` bound before, during and after."""

    accepted: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    arrived: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    samples: list[Sample] = field(default_factory=list)
    marks: tuple[float, float] = (0.0, 0.0)
    drained: float = 0.0

    def events(self) -> int:
        """Return how many events were accepted."""
        return sum(map(len, self.accepted.values()))

    def lost(self) -> int:
        """Return how many accepted events have not arrived."""
        return sum(len(set(keys) - set(self.arrived[user])) for user, keys in self.accepted.items())

    def repeats(self) -> int:
        """Return how many arrivals were not the first of their event."""
        return sum(len(keys) - len(set(keys)) for keys in self.arrived.values())

    def violations(self) -> int:
        """Return how many first arrivals came after that of a later event of their user."""
        count = 0
        for keys in self.arrived.values():
            first = list(dict.fromkeys(keys))
            newest = ""
            for key in first:
                count += key < newest
                newest = max(key, newest)
        return count

    def phase(self, number: int) -> list[Sample]:
        """Return the samples of before (0), during (1) or after (2)."""
        begin, end = (0.0, *self.marks, float("inf"))[number : number + 2]
        return [sample for sample in self.samples if begin <= sample.at < end]


async def watch(service: asyncio.subprocess.Process, path: Path, run: Run) -> None:
    """Read what the service prints until it ends."""
    assert service.stdout is not None
    while line := (await service.stdout.readline()).decode():
        first, second, *rest = line.split()
        if first != "#":
            run.accepted[f"user:{first}"].append(second)
            continue
        sample = Sample(
            at=time.monotonic(),
            memory=resident(service.pid),
            pending=int(second),
            oldest=float(rest[0]),
            file=sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*")),
        )
        run.samples.append(sample)


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has in use (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0  # it is ending


def end(service: asyncio.subprocess.Process) -> None:
    """Kill the service if it still runs."""
    if service.returncode is None:
        service.kill()


async def until_drained(run: Run) -> None:
    """Wait until no event waits for longer than it would without an outage."""
    await until(lambda: bool(run.samples) and run.samples[-1].oldest < 1, seconds=DRAINED_WITHIN)


async def take_away(broker: RabbitMQ, seconds: float) -> None:
    """Kill RabbitMQ, and return when it serves again."""
    await asyncio.to_thread(broker.kill)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(broker.start)


async def one_run(broker: RabbitMQ, folder: Path, options: argparse.Namespace, away: bool) -> Run:
    """Let the service emit, with or without RabbitMQ going away meanwhile."""
    run, path = Run(), folder / f"outbox-{away}.db"
    async with AsyncExitStack() as stack:
        url = stack.enter_context(broker.endpoint.fresh_vhost())
        await deploy(url, SHARDS)
        command = [
            *("-m", "tests.support.outbox_child", url, str(path), "--shards", str(SHARDS)),
            *("--users", str(options.users), "--interval", str(options.users / options.rate)),
            *("--report", str(REPORT)),
        ]
        log = stack.enter_context((folder / "service.log").open("wb"))
        service = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=log, cwd=ROOT
        )
        stack.callback(end, service)
        watching = asyncio.create_task(watch(service, path, run), name="watch")
        await asyncio.sleep(MARGIN)
        begin = time.monotonic()
        await (take_away(broker, options.seconds) if away else asyncio.sleep(options.seconds))
        run.marks = (begin, time.monotonic())
        await until_drained(run)
        run.drained = time.monotonic() - run.marks[1]
        await asyncio.sleep(MARGIN)
        service.terminate()
        await watching
        if await service.wait():
            raise RuntimeError(
                f"the service failed:\n{(folder / 'service.log').read_text()[-3000:]}"
            )
        run.arrived = await audit(url)
    return run


def report(quiet: Run, outage: Run) -> None:
    """Print both runs side by side."""
    print(f"{'':<34}{'no outage':>14}{'outage':>14}")

    def row(what: str, figures: Sequence[object]) -> None:
        print(f"{what:<34}{figures[0]:>14}{figures[1]:>14}")

    runs = (quiet, outage)
    row("seconds without RabbitMQ", ["0.0", f"{outage.marks[1] - outage.marks[0]:.1f}"])
    row("accepted", [f"{run.events():,}" for run in runs])
    row("confirmed", [f"{run.events() - run.samples[-1].pending:,}" for run in runs])
    row("lost", [run.lost() for run in runs])
    row("order violations", [run.violations() for run in runs])
    row("repeats", [run.repeats() for run in runs])
    row("most waiting", [f"{max(s.pending for s in run.samples):,}" for run in runs])
    row("seconds until drained", [f"{run.drained:.1f}" for run in runs])
    row("largest file, MB", [f"{max(s.file for s in run.samples) / 1e6:.1f}" for run in runs])
    for number, phase in enumerate(("before", "during", "after")):
        peaks = [max(sample.memory for sample in run.phase(number)) for run in runs]
        row(f"peak memory {phase}, MB", [f"{peak / 1e6:.1f}" for peak in peaks])


async def measure(options: argparse.Namespace) -> int:
    """Make both runs; return the exit code."""
    broker = RabbitMQ()
    with tempfile.TemporaryDirectory(prefix="kull-outage-") as folder:
        try:
            await asyncio.to_thread(broker.start)
            quiet = await one_run(broker, Path(folder), options, away=False)
            outage = await one_run(broker, Path(folder), options, away=True)
        finally:
            broker.close()
    report(quiet, outage)
    return 1 if any(run.lost() or run.violations() for run in (quiet, outage)) else 0


def main() -> int:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long RabbitMQ is away")
    parser.add_argument("--users", type=at_least(1), default=50)
    parser.add_argument("--rate", type=float, default=200, help="events per second, of all users")
    options = parser.parse_args()
    stop_in_order()
    machine.need("rabbitmq_server")
    return asyncio.run(measure(options))


if __name__ == "__main__":
    sys.exit(main())
