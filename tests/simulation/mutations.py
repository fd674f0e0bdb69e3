"""`python -m tests.simulation.mutations`: break the code on purpose; it must be noticed.

Each mutation is applied to a copy of the sources, and tried by the simulation, on the store in
memory or in SQLite, or by the stores' contract on a PostgreSQL. Exit code 0 when every one is
caught, and an unchanged copy is not blamed for anything: neither by the whole of each trial, nor by
the seed or the test that caught.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.simulation.trials import Catch, Contract, Effort, Simulation, Trial
from tests.support.arguments import at_least
from tests.support.members import MEMBERS

ROOT = Path(__file__).parents[2]
COPIED = (*MEMBERS, "tests", "examples", "docs/schema")
CONTROL_SEEDS = 200  # schedules of the unchanged copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """Replaces a text, which has to be there once, in a file.

    Attributes:
        trial: what must notice it.
    """

    name: str
    path: str
    old: str
    new: str
    trial: Trial


_FENCE = "router/kull_router/queues/sql/terms.py"
_FENCED = "None if term == current.get(shard, 0) else Fenced("
_OPEN = "None if current is not None else Fenced("
IN_MEMORY = Simulation("memory")
IN_SQLITE = Simulation("sqlite")
IN_POSTGRES = Contract(("tests/contract",))


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
        trial=IN_MEMORY,
    ),
    Mutation(
        name="drop the term fence",
        path="router/kull_router/queues/memory.py",
        old="        if term != current:\n            raise Fenced(shard, term, current)\n",
        new="        del current\n",
        trial=IN_MEMORY,
    ),
    Mutation(
        name="drop the term fence in SQLite",
        path=_FENCE,
        old=_FENCED,
        new=_OPEN,
        trial=IN_SQLITE,
    ),
    Mutation(
        name="drop the term fence in PostgreSQL",
        path=_FENCE,
        old=_FENCED,
        new=_OPEN,
        trial=IN_POSTGRES,
    ),
    Mutation(
        name="let PostgreSQL change a term during a commit",
        path="router/kull_router/queues/sql/postgres_connection.py",
        old='share = "FOR SHARE OF s"',
        new='share = ""',
        trial=IN_POSTGRES,
    ),
    Mutation(
        name="flip to live one message early",
        path="edge/kull_edge/session/subscription.py",
        old="complete = self.through >= max(head, self._pushed)\n",
        new="complete = self.through >= max(head, self._pushed) - 1\n",
        trial=IN_MEMORY,
    ),
    Mutation(
        name="forget dedupe",
        path="router/kull_router/queues/rules.py",
        old="if identity in result.seen or (seen and _is_seen(identity, seen)):\n",
        new="if identity in result.seen:\n",
        trial=IN_MEMORY,
    ),
    Mutation(
        name="order by wall clock",
        path="producers/kull_producers/events/stamp.py",
        old="            run=self._run,\n            version=self._version,\n",
        new="""            run="all",
            version=max(0, int(self._now() * 1_000_000)),
""",
        trial=IN_MEMORY,
    ),
    Mutation(
        name="age by wall clock",
        path="router/kull_router/core.py",
        old="return replace(clock, age=ages.ms)\n",
        new="return replace(clock, age=clock.wall_ms)\n",
        trial=IN_MEMORY,
    ),
    Mutation(
        name="take a missing queue for a wrong address",
        path="router/kull_router/delivery/unrouted.py",
        old="if ingest.is_well_addressed(message, self._settings.shard_count):\n",
        new="if False:\n",
        trial=IN_MEMORY,
    ),
    Mutation(
        name="let a bad event of a batch take those behind it along",
        path="router/kull_router/delivery/shard.py",
        old="                if isinstance(found, Event):\n",
        new="""                if found is None:
                    break
                if isinstance(found, Event):
""",
        trial=IN_MEMORY,
    ),
    Mutation(
        name="acknowledge a batch when its first event is stored",
        path="router/kull_router/delivery/shard.py",
        old="""                arrived.clear()
        await self._store_arrived(arrived)
""",
        new="""                arrived.clear()
        await self._store_arrived(arrived[:1])
        asyncio.create_task(self._store_arrived(arrived[1:]))
""",
        trial=IN_MEMORY,
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
        trial=IN_MEMORY,
    ),
    Mutation(
        name="ignore the session generation",
        path="router/kull_router/sessions/registry.py",
        old="        if known and known.session != key and known.generation > generation:\n",
        new="        if False:\n",
        trial=IN_MEMORY,
    ),
    Mutation(
        name="let a late leave remove a newer session from a room",
        path="router/kull_router/rooms/roster.py",
        old="return user, device if device and device.key == key else None\n",
        new="return user, device\n",
        trial=IN_MEMORY,
    ),
    Mutation(
        name="tell who is in a room before the edges have subscribed again",
        path="router/kull_router/rooms/rosters.py",
        old="quiet_until=moved_at + self._grace if term > FIRST_TERM else 0.0,\n",
        new="quiet_until=moved_at * 0,\n",
        trial=IN_MEMORY,
    ),
    Mutation(
        name="let a lost connection end a membership at once",
        path="router/kull_router/rooms/rosters.py",
        old="        if left or not self._grace:\n",
        new="        if left or self._grace:\n",
        trial=IN_MEMORY,
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
        for part in COPIED:
            shutil.copytree(
                ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        shutil.copy(ROOT / "pyproject.toml", tree)  # how pytest is to run
        if mutation:
            path = tree / mutation.path
            text = path.read_text()
            if not applies(mutation):
                sys.exit(f"{mutation.name}: {mutation.path} has changed; so must the mutation")
            path.write_text(text.replace(mutation.old, mutation.new))
        yield tree


def attempt(mutation: Mutation | None, trial: Trial, effort: Effort) -> Catch | None:
    """Try a copy of the sources."""
    with copy(mutation) as tree:
        return trial.attempt(tree, effort)


def main() -> int:
    """Read the options, try every mutation and the unchanged code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=at_least(1), default=2000, help="schedules for each")
    parser.add_argument("--jobs", type=at_least(1), default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    effort = Effort(seeds=options.seeds, jobs=options.jobs)
    control = replace(effort, seeds=min(options.seeds, CONTROL_SEEDS))
    table = Table("mutation", "tried by", "seconds", "caught by", "what it said")
    missed = 0
    for trial in dict.fromkeys(mutation.trial for mutation in MUTATIONS):
        started = time.monotonic()
        blamed = attempt(None, trial, control)
        missed += blamed is not None
        _add(table, "none", trial, started, blamed)
    for mutation in MUTATIONS:
        started = time.monotonic()
        caught = attempt(mutation, mutation.trial, effort)
        missed += caught is None or attempt(None, caught.again, control) is not None
        _add(table, mutation.name, mutation.trial, started, caught)
    Console(highlight=False).print(table)
    return 1 if missed else 0


def _add(table: Table, name: str, trial: Trial, started: float, caught: Catch | None) -> None:
    seconds = f"{time.monotonic() - started:.0f}"
    found = (caught.by, caught.said) if caught else ("nothing", "")
    table.add_row(name, str(trial), seconds, *found)


if __name__ == "__main__":
    sys.exit(main())
