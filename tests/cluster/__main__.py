"""`python -m tests.cluster`: exit code 0 when nothing was lost, reordered, leaked or too slow."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys

from tests.chaos.campaign import Plan
from tests.cluster.campaign import run
from tests.cluster.faults import WITHIN
from tests.cluster.network import missing
from tests.support import machine
from tests.support.arguments import at_least, stop_in_order


def main() -> int:
    """Read the options and run one campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--users", type=at_least(1), default=100)
    parser.add_argument("--devices-per-user", type=at_least(1), default=2)
    parser.add_argument(
        "--handling", choices=("pause_minority", "ignore"), default="pause_minority"
    )
    parser.add_argument("--fault", action="append", choices=sorted(WITHIN), help="only these")
    options = parser.parse_args()
    stop_in_order()
    if why := missing():
        sys.stderr.write(f"a cluster cannot be made here: it {why}\n")
        return 2
    machine.need("rabbitmq_server", "postgres_server")
    logging.disable(logging.ERROR)  # every fault makes the clients' libraries complain
    sys.stdout.write(f"seed {options.seed}, {options.handling}\n")
    plan = Plan(
        seconds=60 * options.minutes,
        seed=options.seed,
        users=options.users,
        per_user=options.devices_per_user,
        kinds=options.fault or (),
    )
    report = asyncio.run(run(plan, handling=options.handling))
    report.print()
    return 1 if report.violations() or report.slow() else 0


if __name__ == "__main__":
    sys.exit(main())
