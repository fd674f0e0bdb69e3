"""Rounds: who has a turn, what is kept when a run ends before its time."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import cast

import pytest

from bench import runner
from bench.figures import CPU
from bench.job import Job
from bench.plans import GOALS, Entry, Load, full
from bench.results import OURS, Kind, Results
from bench.rivals.rival import Rival
from bench.session import Session


class Missing:
    """A rival that this machine does not have."""

    promise = dialect = ""

    def __init__(self, name: str) -> None:
        self.name = name


def step(session: Session) -> Iterator[tuple[Kind, float]]:
    yield from ()


def entry(name: str, *, rounds: int | None = None, once: bool = False) -> Entry:
    return Entry(
        lambda: cast(Rival, Missing(name)), (step,), once=(step,) if once else (), rounds=rounds
    )


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Turns that are taken without a rival, each finding 1 ms; the seventh is interrupted."""
    taken: list[str] = []

    def turn(rival: Missing, entry: Entry, load: Load, number: int, *rest: object) -> None:
        if len(taken) == 6:
            raise KeyboardInterrupt
        taken.append(f"{rival.name}{number}")
        results = next(each for each in rest if isinstance(each, Results))
        results.add(load.name, rival.name, [(CPU, 1.0)], number=number)

    monkeypatch.setattr(runner, "_rival", turn)
    return taken


def load(*entries: Entry, rounds: int) -> Load:
    return Load(name="load", job=Job(devices=1), entries=entries, rounds=rounds)


def test_every_other_round_goes_backwards_and_some_rivals_have_fewer(turns: list[str]) -> None:
    planned = load(entry("a"), entry("b"), entry("c", rounds=1), rounds=2)

    runner.run([planned], Results(), lambda text: None)

    assert turns == ["a1", "b1", "c1", "b2", "a2"]


def test_what_is_measured_once_is_measured_in_the_first_round() -> None:
    both = entry("a", once=True)

    assert (len(both.steps_of(1)), len(both.steps_of(2))) == (2, 1)


def test_an_interrupted_run_has_its_whole_rounds_and_no_more(turns: list[str]) -> None:
    results, kept = Results(), list[str]()
    planned = load(entry(OURS), entry("b"), rounds=5)

    with pytest.raises(KeyboardInterrupt):
        runner.run([planned], results, lambda text: None, lambda: kept.append(results.unfinished()))

    assert len(turns) == 6
    assert kept[-1] == results.unfinished()
    assert "3 of 5 (load)" in kept[-1]
    found = results.figures[("load", CPU.name)]
    assert {rival: len(found.values(rival)) for rival in found.runs} == {OURS: 3, "b": 3}


def test_a_round_that_is_broken_off_is_left_out(turns: list[str]) -> None:
    results = Results()
    planned = load(entry(OURS), entry("b"), entry("c"), entry("d"), rounds=2)

    with pytest.raises(KeyboardInterrupt):
        runner.run([planned], results, lambda text: None)

    found = results.figures[("load", CPU.name)]
    assert {rival: len(found.values(rival)) for rival in found.runs} == dict.fromkeys(
        (OURS, "b", "c", "d"), 1
    )


@pytest.mark.parametrize("error", [RuntimeError("a log\nno port"), AssertionError("no port")])
def test_a_rival_that_does_not_start_ends_its_turn_and_not_the_run(error: Exception) -> None:
    class Broken(Missing):
        def start(self) -> None:
            raise error

        def close(self) -> None:
            pass

    results = Results()
    planned = load(Entry(lambda: cast(Rival, Broken("a")), (step,)), rounds=2)

    runner.run([planned], results, lambda text: None)

    assert results.failed and results.unfinished() == ""
    assert results.notes == ["load, a: did not start: no port"]


def test_whoever_a_goal_is_about_has_a_turn_in_every_round_of_five() -> None:
    loads = {each.name: each for each in full()}
    name = functools.cache(lambda entry: entry.build().name)  # making one takes a while
    for goal in GOALS:
        planned = loads[goal.load]
        assert planned.rounds >= 5
        for number in range(1, planned.rounds + 1):
            names = [name(each) for each in planned.turns(number)]
            assert OURS in names
            assert not goal.rival or goal.rival in names
