"""Where the CPU of router and edge goes under one load: `make profile LOAD=1000`.

py-spy looks at both processes 200 times a second, only while they run, and costs them a little. A
sample counts for the innermost frame: of ours by its folder, of a library by its name. What C code
does (SQLite's, gRPC's, sockets') counts for whoever has called it.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.job import Job
from bench.rivals.kull import Kull
from bench.session import Session, Spent
from tests.support import machine
from tests.support.arguments import at_least, stop_in_order

ROLES: Final = ("router", "edge")
RATE: Final = 200  # samples a second
LEAST: Final = 0.01  # of the samples, to be printed
OURS: Final = ("kull_router/", "kull_edge/", "kull_mesh/", "kull_protos/", "kull_producers/")


def connects(session: Session) -> float:
    """Connect everybody for the first time; return how many."""
    session.connect()
    return session.job.devices


def reconnects(session: Session) -> float:
    """Drop everybody, and connect again at once; return how many."""
    session.disconnect()
    session.connect()
    return session.job.devices


def broadcasts(session: Session) -> float:
    """Tell everybody; return how many deliveries that were."""
    for _ in range(session.job.broadcasts):
        session.broadcast()
        session.rest(0.5)
    return session.job.broadcasts * session.job.devices


def full(session: Session) -> float:
    """Publish as much as is taken; 0: deliveries are counted."""
    session.saturate(session.job.seconds)
    return 0


def at(rate: int) -> Callable[[Session], float]:
    """Return what publishes at a rate (events/s); 0: deliveries are counted."""

    def steady(session: Session) -> float:
        session.steady(session.job.seconds, rate)
        return 0

    return steady


LOADS: Final[dict[str, Callable[[Session], float]]] = {
    "connects": connects,
    "reconnects": reconnects,
    "broadcasts": broadcasts,
    "full": full,
    **{str(rate): at(rate) for rate in (200, 1_000, 2_000)},
}


def main() -> int:
    """Read the options, run the load, print the shares."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("load", choices=LOADS, nargs="?", default="1000")
    parser.add_argument("--devices", type=at_least(1), default=1_000)
    parser.add_argument("--seconds", type=at_least(1), default=10, help="of a load at a rate")
    options = parser.parse_args()
    stop_in_order()
    machine.need("rabbitmq_server")
    job = Job(devices=options.devices, seconds=options.seconds)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-profile-")))
        spent, units, stacks = _profile(stack, job, options.load, folder)
    _print(options.load, job, spent, units or spent.deliveries, stacks)
    return 0


def _profile(
    stack: ExitStack, job: Job, load: str, folder: Path
) -> tuple[Spent, float, dict[str, str]]:
    """Return what the load cost, of how many units it was, and the samples of each role."""
    kull = Kull()
    stack.callback(kull.close)
    kull.start()
    session = Session(kull, job, folder, stack)
    if load != "connects":
        session.connect()
        session.saturate(job.warmup)  # what is read once and kept
        session.level()
    taken = {role: folder / f"{role}.txt" for role in ROLES}
    with ExitStack() as sampling:
        for role in ROLES:
            sampling.enter_context(_sampled(kull.roles().pids(role)[0], taken[role]))
        with session.measured(load) as spent:
            units = LOADS[load](session)
            session.level()
    return spent[0], units, {role: path.read_text() for role, path in taken.items()}


@contextmanager
def _sampled(pid: int, to: Path) -> Iterator[None]:
    """Have a process looked at while the block runs. Raises CalledProcessError."""
    command = ["py-spy", "record", "--pid", str(pid), "--rate", str(RATE), "--format", "raw"]
    command += ["--subprocesses", "--nonblocking", "--output", str(to)]
    spy = subprocess.Popen(
        [sys.executable, "-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        spy.send_signal(signal.SIGINT)
        if spy.wait(30):
            raise subprocess.CalledProcessError(spy.returncode, command)


def shares(stacks: str) -> Counter[str]:
    """Return the samples of each place in py-spy's raw format: `frame;frame;frame count`."""
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        found[_place(frames.split(";")[::-1])] += int(count)
    return found


def _place(frames: Iterable[str]) -> str:
    """Return where a sample belongs: the innermost of ours, and what it is in, if that is not."""
    inner = ""
    for frame in frames:  # `name (path/to/file.py:12)`
        path = frame.rpartition("(")[2].rstrip(")").rpartition(":")[0]
        ours = next((path[path.index(each) :] for each in OURS if each in path), None)
        if ours:
            folder = ours.rpartition("/")[0] if ours.count("/") > 1 else ours.removesuffix(".py")
            return f"{folder}  {inner}".strip()
        inner = inner or _library(path)
    return inner or "Python itself"


def _library(path: str) -> str:
    """Return what a file that is not ours belongs to, e.g. `asyncio`."""
    for mark in ("site-packages/", "dist-packages/", "lib-dynload/"):
        if mark in path:
            return path.partition(mark)[2].partition("/")[0].removesuffix(".py")
    parts = Path(path).parts
    version = next((number for number, part in enumerate(parts) if part.startswith("python3")), -1)
    return parts[version + 1].removesuffix(".py") if parts else ""


def _print(load: str, job: Job, spent: Spent, units: float, stacks: dict[str, str]) -> None:
    console = Console(highlight=False)
    console.print(
        f"{load}, {job.devices:,} devices, {spent.seconds:.1f} s, {units:,.0f} of them; "
        f"others used {spent.others:.2f} cores"
    )
    for role in ROLES:
        found = shares(stacks[role])
        total = max(1, sum(found.values()))
        each = 1e6 * spent.cpu[role] / max(1.0, units)
        table = Table(title=f"{role}: {each:.0f} µs each, {total:,} samples", title_justify="left")
        for name in ("where", "share", "µs each"):
            table.add_column(name, justify="left" if name == "where" else "right")
        for place, count in found.most_common():
            if count / total >= LEAST:
                share = count / total
                table.add_row(place, f"{share:.0%}", f"{share * each:.1f}")
        console.print(table)


if __name__ == "__main__":
    sys.exit(main())
