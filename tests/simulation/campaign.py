"""Many schedules, on all cores, and what came of them."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

from rich.console import Console
from rich.table import Table

from tests.simulation.world import Outcome, simulate

CHUNK = 4  # schedules that a process is given at once


@dataclass(slots=True)
class Tally:
    """Sums over schedules. `failed`: violations by seed."""

    schedules: int = 0
    confirmed: int = 0
    delivered: int = 0
    virtual_seconds: float = 0.0
    slowest: float = 0.0  # virtual seconds from the last fault to everybody being level
    faults: Counter[str] = field(default_factory=Counter)
    failed: dict[int, Sequence[str]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Count one schedule."""
        self.schedules += 1
        self.confirmed += outcome.confirmed
        self.delivered += outcome.delivered
        self.virtual_seconds += outcome.seconds
        self.slowest = max(self.slowest, outcome.converged)
        self.faults += outcome.faults
        if outcome.violations:
            self.failed[outcome.seed] = outcome.violations

    def print(self, console: Console, seconds: float) -> None:
        """Print the figures. `seconds`: how long all of it took."""
        table = Table("fault", "times")
        for kind, times in sorted(self.faults.items()):
            table.add_row(kind, f"{times:,}")
        console.print(table)
        console.print(
            f"{self.schedules:,} schedules, {self.schedules / seconds:.1f} per second, "
            f"{self.virtual_seconds / 3600:,.1f} hours of virtual time\n"
            f"{self.faults.total():,} faults, {self.confirmed:,} events confirmed, "
            f"{self.delivered:,} deliveries, level again after {self.slowest:.1f} s at worst\n"
            f"{sum(map(len, self.failed.values())):,} violations in {len(self.failed):,} schedules"
        )


def outcomes(seeds: range, *, jobs: int, store: str) -> Generator[Outcome]:
    """Run schedules in processes of their own and return what came of them, as they end."""
    run_one = partial(simulate, store=store)
    if jobs == 1:
        yield from map(run_one, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(run_one, seeds, CHUNK)


def run(
    seeds: range, *, jobs: int, console: Console, store: str, stop_at_first: bool = False
) -> Tally:
    """Run schedules, and print each that fails with the command that shows it."""
    tally = Tally()
    with closing(outcomes(seeds, jobs=jobs, store=store)) as running:
        for outcome in running:
            tally.add(outcome)
            if outcome.violations:
                console.print(f"seed {outcome.seed}: {outcome.violations[0]}")
                again = f"--store {store} --seed {outcome.seed} --trace"
                console.print(f"  python -m tests.simulation {again}")
                if stop_at_first:
                    break
            if tally.schedules % 1_000 == 0 and tally.schedules < len(seeds):
                console.print(f"{tally.schedules:,} of {len(seeds):,} schedules")
    return tally
