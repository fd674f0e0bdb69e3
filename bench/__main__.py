"""We and the rivals on the same work, in one run, on one machine: `make bench`, `make bench-quick`.

Every figure is taken of every rival in turn, round after round; the table shows our median divided
by theirs. What is measured and how: docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory

from rich.console import Console

from bench import figures, plans, runner, table, versions, yardstick
from bench.earlier import Earlier
from bench.plans import Load
from bench.results import Results
from bench.rivals import centrifugo
from bench.rivals.ceiling import Ceiling
from tests.matrix import rabbitmqs
from tests.support import machine
from tests.support.arguments import stop_in_order
from tests.support.rabbitmq import installation

FOLDER = Path(__file__).parent
PLANS = {"full": plans.full, "quick": plans.quick, "tiny": plans.tiny, "bursts": plans.bursts}


def main() -> int:
    """Read the options, run, print, write the results; 1 when a rival could not do its job."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("plan", choices=PLANS, nargs="?", default="full")
    parser.add_argument("--against", help="instead of the rivals: a revision of this repository")
    parser.add_argument("--only", default="", help="loads whose name begins like this")
    parser.add_argument("--rounds", type=int, help="instead of the plan's own number")
    parser.add_argument("--rabbitmq", help="instead of the installed one: a path, as of the matrix")
    parser.add_argument("--write", type=Path, default=FOLDER, help="folder of the results")
    options = parser.parse_args()
    stop_in_order()
    try:
        if options.rabbitmq:  # where every RabbitMQ of ours comes from, see `installation.find`
            os.environ[installation.VARIABLE] = rabbitmqs.find(options.rabbitmq).place
        centrifugo.binary()
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    machine.need("rabbitmq_server")
    machine.provide(["postgres_server", "redis_server", "node"])  # a rival without is left out
    console = Console(highlight=False, width=200)
    results = Results()
    with TemporaryDirectory(prefix="kull-bench-earlier-") as folder:
        if options.against:
            try:
                planned = plans.pairs(Earlier.of(options.against, Path(folder)))
            except CalledProcessError as error:
                why = error.stderr.decode(errors="replace").strip()
                parser.error(f"--against {options.against}: {why}")
        else:
            planned = PLANS[options.plan]()
        loads = [load for load in planned if load.name.startswith(options.only)]
        if not loads:
            names = ", ".join(repr(load.name) for load in planned)
            parser.error(f"--only {options.only!r} is the begin of no load; there are {names}")
        if options.rounds:
            loads = [replace(load, rounds=options.rounds) for load in loads]
        _run(loads, results, console, options.write)
    return 1 if results.failed else 0


def _run(loads: Sequence[Load], results: Results, console: Console, folder: Path) -> None:
    """Run loads; what is whole is written down after each round, and stays there on Ctrl-C."""
    command = shlex.join(["python", "-m", "bench", *sys.argv[1:]])
    so_far = folder / "unfinished"
    try:
        runner.run(loads, results, console.print, lambda: _write(results, so_far, command))
        _write(results, folder, command)
        shutil.rmtree(so_far, ignore_errors=True)
    finally:
        table.show(results, plans.GOALS, console)
        if results.unfinished():
            console.print(f"- The whole rounds are in {so_far}")


def _write(results: Results, folder: Path, command: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    measured = list(results.figures.values())
    derived = yardstick.figures(results, figures.COSTS, Ceiling.name)
    report = {
        "command": command,
        "machine": versions.machine(),
        "unfinished": results.unfinished(),
        "warning": results.warning(),
        "notes": results.notes,
        "figures": [figure.as_json() for figure in (*measured, *derived)],
    }
    text = json.dumps(report, indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n")
    (folder / "RESULTS.md").write_text(table.markdown(results, plans.GOALS, command))


if __name__ == "__main__":
    sys.exit(main())
