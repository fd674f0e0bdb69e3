"""Runs plans: starts each rival, takes its figures, stops it, and notes what was odd."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from subprocess import CalledProcessError

from bench.figures import LOAD_LIMIT
from bench.load.worker import WorkerFailed
from bench.plans import Entry, Load
from bench.results import Kind, Results
from bench.rivals.rival import Rival
from bench.session import Session

Say = Callable[[str], None]


def run(loads: Sequence[Load], results: Results, say: Say) -> None:
    """Run every load; figures and notes are added to the results as they come.

    Every other round goes backwards, so that nobody always runs after the same rival. A rival that
    fails has its turn ended, and is noted.
    """
    for load in loads:
        half_rate = None
        for number in range(load.rounds):
            for entry in load.entries if number % 2 == 0 else reversed(load.entries):
                for attempt in range(load.tries):
                    rival = entry.build()
                    say(f"{load.name}, round {number + 1} of {load.rounds}: {rival.name}")
                    found = Results()
                    half_rate = _rival(rival, entry, load, half_rate, found, say)
                    if found.calm or attempt + 1 == load.tries:
                        results.join(found)
                        break
                    say(f"    others used {found.others:.2f} cores meanwhile: once more")


def _rival(
    rival: Rival, entry: Entry, load: Load, half_rate: float | None, results: Results, say: Say
) -> float | None:
    """Take one rival's figures; return the rate for the next rivals' steady load."""
    with ExitStack() as stack:
        stack.callback(rival.close)
        try:
            rival.start()
        except (FileNotFoundError, CalledProcessError) as error:
            results.note(f"{rival.name} was left out, it cannot be started here: {error}")
            return half_rate
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-bench-")))
        session = Session(rival, load.job, folder, stack, half_rate=half_rate)
        for step in entry.steps:
            try:
                found = list(step(session))
            except (WorkerFailed, TimeoutError) as error:
                why = str(error).strip().splitlines()[-1]
                results.fail(f"{load.name}, {rival.name}: gave up in {step.__name__}: {why}")
                break
            results.add(load.name, rival.name, found)
            for kind, value in found:
                if not kind.detail:
                    say(f"    {kind.name}: {value:,.3g} {kind.unit}")
        else:
            _note_oddities(session, load, results)
        return session.half_rate


def _note_oddities(session: Session, load: Load, results: Results) -> None:
    """Note what a reader must know before believing the figures."""
    where = f"{load.name}, {session.rival.name}:"
    for text in session.notes:
        results.note(f"{where} {text}")
    seen = session.seen()
    for name, count in (
        ("connections lost", seen.lost_connections),
        ("events out of order or missing", seen.disordered),
    ):
        if count:
            results.note(f"{where} {count} {name}")
    for what, spent in session.spent.items():
        if spent.load > LOAD_LIMIT:
            results.note(f"{where} the load generator was the limit in {what} ({spent.load:.0%})")
        results.disturbed(spent.others)
        kind = Kind(name=f"cores used by others: {what}", unit="", detail=True)
        results.add(load.name, session.rival.name, [(kind, spent.others)])
