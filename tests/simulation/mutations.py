"""`python -m tests.simulation.mutations`: break the code on purpose; some seed must notice.

Each mutation is applied to a copy of the sources. Exit code 0 when every one is caught, and an
unchanged copy is not blamed for anything: neither in many seeds nor in the one that caught.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.support.arguments import at_least

ROOT = Path(__file__).parents[2]
MEMBERS = ("protos", "producers", "gateway", "router", "edge", "mesh", "clients/python")
CONTROL_SEEDS = 200  # schedules of the unchanged copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """Replaces a text, which has to be there once, in a file."""

    name: str
    path: str
    old: str
    new: str


MUTATIONS = (
    Mutation(
        name="acknowledge before commit",
        path="router/kull_router/delivery/shard.py",
        old="""            await self._handle(deliveries)
            channel.ack(deliveries[-1].tag)
""",
        new="""            channel.ack(deliveries[-1].tag)
            await self._handle(deliveries)
""",
    ),
    Mutation(
        name="drop the term fence",
        path="router/kull_router/queues/memory.py",
        old="        if term != current:\n            raise Fenced(shard, term, current)\n",
        new="        del current\n",
    ),
    Mutation(
        name="flip to live one message early",
        path="edge/kull_edge/session/subscription.py",
        old="complete = self.through >= max(head, self._pushed)\n",
        new="complete = self.through >= max(head, self._pushed) - 1\n",
    ),
    Mutation(
        name="forget dedupe",
        path="router/kull_router/queues/rules.py",
        old="        if event.id in seen or event.id in result.ids:\n",
        new="        if event.id in result.ids:\n",
    ),
    Mutation(
        name="compact an `every` event",
        path="router/kull_router/queues/rules.py",
        old="        else:\n            every += 1\n",
        new="""        elif every > 1 and (first := min(result.entries, default=0)):
            if result.entries[first].event.contract is Contract.EVERY:
                del result.entries[first]
            else:
                every += 1
        else:
            every += 1
""",
    ),
    Mutation(
        name="ignore the session generation",
        path="router/kull_router/sessions/registry.py",
        old="        if known and known.session != key and known.generation > generation:\n",
        new="        if False:\n",
    ),
)


def applies(mutation: Mutation) -> bool:
    """Whether its text is still there, once."""
    return (ROOT / mutation.path).read_text().count(mutation.old) == 1


@contextmanager
def copy(mutation: Mutation | None) -> Iterator[Path]:
    """Make a copy of the sources with a mutation, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="kull-mutation-") as name:
        tree = Path(name)
        for part in (*MEMBERS, "tests"):
            shutil.copytree(
                ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        if mutation:
            path = tree / mutation.path
            text = path.read_text()
            if not applies(mutation):
                sys.exit(f"{mutation.name}: {mutation.path} has changed; so must the mutation")
            path.write_text(text.replace(mutation.old, mutation.new))
        yield tree


def simulate(tree: Path, seeds: int, jobs: int, start: int = 0) -> tuple[int, str] | None:
    """Return the seed that failed and its violation, None if none did."""
    paths = [str(tree / member) for member in MEMBERS]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-W", "ignore", "-m", "tests.simulation", "--stop-at-first"]
    found = subprocess.run(
        [*command, "--start", str(start), "--seeds", str(seeds), "--jobs", str(jobs)],
        cwd=tree,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    failed = re.search(r"^seed (\d+): (.*)$", found.stdout, re.MULTILINE)
    if bool(failed) != bool(found.returncode):
        sys.exit(f"the simulation did not run: {found.stderr or found.stdout}")
    return (int(failed[1]), failed[2]) if failed else None


def main() -> int:
    """Read the options, try every mutation and the unchanged code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=at_least(1), default=2000, help="schedules for each")
    parser.add_argument("--jobs", type=at_least(1), default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    table = Table("mutation", "seconds", "seed", "what the ledger said")
    missed = 0
    for mutation in (None, *MUTATIONS):
        started = time.monotonic()
        with copy(mutation) as tree:
            seeds = options.seeds if mutation else min(options.seeds, CONTROL_SEEDS)
            caught = simulate(tree, seeds, options.jobs)
        missed += (caught is None) == (mutation is not None)
        if mutation and caught:
            with copy(None) as tree:
                missed += simulate(tree, 1, 1, start=caught[0]) is not None
        seconds = f"{time.monotonic() - started:.0f}"
        name = mutation.name if mutation else "none"
        table.add_row(name, seconds, *(map(str, caught) if caught else (f"none of {seeds}", "")))
    Console(highlight=False).print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
