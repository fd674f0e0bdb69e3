"""`python -m tests.simulation`: exit code 0 when no schedule violates anything."""

from __future__ import annotations

import argparse
import os
import sys
import time

from rich.console import Console

from tests.simulation import campaign
from tests.simulation.disks import DISKS
from tests.simulation.world import simulate
from tests.support.arguments import at_least


def main() -> int:
    """Read the options, run one schedule or many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=at_least(1), default=1000, help="how many schedules")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=at_least(1), default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--store", choices=DISKS, default="memory", help="what keeps the queues")
    parser.add_argument("--stop-at-first", action="store_true", help="end with the first violation")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--trace", action="store_true", help="with --seed: print what happened")
    options = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    if options.seed is not None:
        return _one(options.seed, trace=options.trace, store=options.store)
    started = time.monotonic()
    seeds = range(options.start, options.start + options.seeds)
    tally = campaign.run(
        seeds,
        jobs=options.jobs,
        console=console,
        store=options.store,
        stop_at_first=options.stop_at_first,
    )
    tally.print(console, time.monotonic() - started)
    return 1 if tally.failed else 0


def _one(seed: int, *, trace: bool, store: str) -> int:
    outcome = simulate(seed, trace=trace, store=store)
    lines = outcome.trace + [f"VIOLATION: {each}" for each in outcome.violations]
    faults = ", ".join(f"{times} {kind}" for kind, times in sorted(outcome.faults.items()))
    lines.append(
        f"seed {seed}: {faults}; {outcome.confirmed} events confirmed, "
        f"{outcome.delivered} deliveries, {len(outcome.violations)} violations"
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
