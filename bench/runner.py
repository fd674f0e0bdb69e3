"""Runs plans: starts each rival, takes its figures, stops it, and notes what was odd."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from subprocess import CalledProcessError, TimeoutExpired
from typing import Final

from bench.figures import LOAD_LIMIT
from bench.plans import Entry, Load
from bench.results import Kind, Results
from bench.rivals.rival import Rival
from bench.session import Session

Say = Callable[[str], None]

# What a rival, ours too, may do in its turn without ending the run: workers and servers that fail
# raise RuntimeError, a mesh that is not ready AssertionError.
BROKEN: Final = (RuntimeError, AssertionError, TimeoutError, TimeoutExpired)
TURN: Final = Kind(name="the whole turn, starts included", unit="s", detail=True)


def run(
    loads: Sequence[Load], results: Results, say: Say, keep: Callable[[], None] = lambda: None
) -> None:
    """Run every load; what a round found is added when it is whole, and `keep` is called then.

    Every other round goes backwards, so that nobody always runs after the same rival. A rival that
    fails has its turn ended, and is noted.
    """
    results.planned = {load.name: load.rounds for load in loads}
    for load in loads:
        half_rate = None
        for number in range(1, load.rounds + 1):
            whole = Results()
            for entry in load.turns(number):
                half_rate = _turn(entry, load, number, half_rate, whole, say)
            results.join(whole)
            results.whole[load.name] = number
            keep()


def _turn(
    entry: Entry, load: Load, number: int, half_rate: float | None, results: Results, say: Say
) -> float | None:
    """Add what a rival's turn in a round found; return the rate for the next steady load."""
    for attempt in range(load.tries):
        rival = entry.build()
        say(f"{load.name}, round {number} of {load.rounds}: {rival.name}")
        found = Results()
        begin = time.monotonic()
        half_rate = _rival(rival, entry, load, number, half_rate, found, say)
        if found.calm or attempt + 1 == load.tries:
            taken = (TURN, time.monotonic() - begin)
            if found.figures:
                found.add(load.name, rival.name, [taken], number=number)
            results.join(found)
            break
        say(f"    others used {found.others:.2f} cores meanwhile: once more")
    return half_rate


def _rival(
    rival: Rival,
    entry: Entry,
    load: Load,
    number: int,
    half_rate: float | None,
    results: Results,
    say: Say,
) -> float | None:
    """Take one rival's figures; return the rate for the next rivals' steady load."""
    with ExitStack() as stack:
        stack.callback(rival.close)
        try:
            rival.start()
        except (FileNotFoundError, CalledProcessError) as error:
            results.note(f"{rival.name} was left out, it cannot be started here: {error}")
            return half_rate
        except BROKEN as error:
            results.fail(f"{load.name}, {rival.name}: did not start: {_last_line(error)}")
            return half_rate
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-bench-")))
        try:
            session = Session(rival, load.job, folder, stack, half_rate=half_rate)
        except BROKEN as error:
            results.fail(f"{load.name}, {rival.name}: nothing to publish to: {_last_line(error)}")
            return half_rate
        for step in entry.steps_of(number):
            begin = time.monotonic()
            try:
                found = list(step(session))
            except BROKEN as error:
                why = f"gave up in {step.__name__}: {_last_line(error)}"
                results.fail(f"{load.name}, {rival.name}: {why}")
                break
            results.add(load.name, rival.name, found, number=number)
            for kind, value in found:
                if not kind.detail:
                    say(f"    {kind.name}: {value:,.3g} {kind.unit}")
            say(f"    ({step.__name__}: {time.monotonic() - begin:.1f} s)")
        else:
            _note_oddities(session, load, number, results)
        return session.half_rate


def _last_line(error: BaseException) -> str:
    """Return the end of a traceback, which says what was wrong."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def _note_oddities(session: Session, load: Load, number: int, results: Results) -> None:
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
        results.add(load.name, session.rival.name, [(kind, spent.others)], number=number)
