"""Medians, ratios, goals and the tables made of them."""

from __future__ import annotations

import math

import pytest

from bench.results import OURS, Goal, Kind, Results
from bench.table import markdown, sheets

RATE = Kind(name="rate", unit="/s", better="higher")
COST = Kind(name="cost", unit="ms")
OTHER = Kind(name="other", unit="ms")


def results() -> Results:
    found = Results()
    for number, (ours, theirs) in enumerate(((40.0, 80.0), (60.0, 100.0), (50.0, 120.0)), start=1):
        found.add("load", OURS, [(COST, ours), (RATE, 30.0)], number=number)
        found.add("load", "rival", [(COST, theirs), (RATE, 10.0)], number=number)
    return found


def test_a_ratio_is_the_median_of_the_ratios_of_single_rounds() -> None:
    cost = results().figures[("load", "cost")]

    assert cost.pairs("rival") == [0.5, 0.6, pytest.approx(0.4167, abs=1e-4)]
    assert cost.ratio("rival") == 0.5
    assert cost.as_json() == {
        "name": "cost",
        "unit": "ms",
        "better": "lower",
        "load": "load",
        "ours": 50.0,
        "rivals": {"rival": 100.0},
        "ratios": {"rival": 0.5},
        "runs": {OURS: {1: 40.0, 2: 60.0, 3: 50.0}, "rival": {1: 80.0, 2: 100.0, 3: 120.0}},
    }


def test_a_machine_that_slows_down_between_rounds_changes_no_ratio() -> None:
    found = Results()
    for number, mood in enumerate((1.0, 1.5, 3.0, 1.0, 2.0), start=1):
        found.add("load", OURS, [(COST, 20.0 * mood)], number=number)
        found.add("load", "rival", [(COST, 50.0 * mood)], number=number)

    assert found.figures[("load", "cost")].pairs("rival") == [0.4] * 5


def test_only_rounds_that_both_were_measured_in_are_compared() -> None:
    found = results()
    found.add("load", "late", [(COST, 100.0)], number=2)  # failed in the others
    found.add("load", "late", [(COST, 1.0)], number=7)
    found.add("load", "free", [(COST, 0.0)], number=1)

    cost = found.figures[("load", "cost")]

    assert cost.pairs("late") == [0.6]
    assert cost.pairs("free") == []


def test_what_was_not_measured_has_no_ratio() -> None:
    cost = results().figures[("load", "cost")]

    assert math.isnan(cost.ratio("nobody"))


def test_a_goal_is_judged_in_the_direction_of_its_figure() -> None:
    found = results()

    def judged(goal: Goal) -> tuple[float, bool, int] | None:
        verdict = goal.judge(found)
        return (verdict.value, verdict.met, verdict.rounds_met) if verdict else None

    assert judged(Goal(figure="cost", load="load", rival="rival", limit=0.5)) == (0.5, True, 2)
    assert judged(Goal(figure="cost", load="load", rival="rival", limit=0.45)) == (0.5, False, 1)
    assert judged(Goal(figure="rate", load="load", rival="rival", limit=4)) == (3.0, False, 0)
    assert judged(Goal(figure="cost", load="load", limit=50)) == (50.0, True, 2)
    assert judged(Goal(figure="cost", load="other", limit=50)) is None
    assert judged(Goal(figure="cost", load="load", rival="nobody", limit=50)) is None


def test_the_goals_come_first_with_their_spread_and_what_was_not_measured() -> None:
    goals = [
        Goal(figure="cost", load="load", rival="rival", limit=0.5),
        Goal(figure="rate", load="load", limit=31),
        Goal(figure="cost", load="load", rival="nobody", limit=2),
        Goal(figure="cost", load="not run", limit=2),
    ]

    goal_sheet = sheets(results(), goals)[0]

    assert goal_sheet.rows == [
        ["cost, load", "≤ 0.5 × rival", "0.5", "0.417 to 0.6", "2 of 3", "met"],
        ["rate, load", "≥ 31 /s", "30", "30 to 30", "0 of 3", "missed"],
        ["cost, load", "≤ 2 × nobody", "", "", "", "not measured"],
    ]


def test_the_tables_show_ratio_median_spread_and_of_how_many_rounds() -> None:
    found = results()
    found.add("load", OURS, [(OTHER, 7.0)], number=1)
    found.add("load", "once", [(COST, 100.0)], number=1)

    (sheet,) = sheets(found, [])

    assert sheet.columns == ["figure", "rival, 3 rounds", "once, 1 round", f"{OURS}, 3 rounds"]
    assert sheet.rows[0] == [
        "cost, ms ↓",
        "0.50 × 100 (80 to 120)",
        "0.40 × 100",
        "50 (40 to 60)",
    ]
    assert sheet.rows[2] == ["other, ms ↓", "", "", "7 (1 round)"]


def test_the_page_says_what_disturbed() -> None:
    found = results()
    found.note("the load generator was the limit")
    found.note("the load generator was the limit")

    found.disturbed(1.4)
    found.disturbed(0.3)

    page = markdown(found, [], "make bench")

    assert page.count("the load generator was the limit") == 1
    assert "other programs used up to 1.40 cores" in page


def test_the_page_says_which_rounds_an_interrupted_run_has() -> None:
    found = results()
    found.planned = {"load": 5, "next": 1}
    found.whole = {"load": 3}

    page = markdown(found, [], "make bench")

    assert "not come to its end. Only whole rounds are here: 3 of 5 (load); 0 of 1 (next)" in page
    found.whole = {"load": 5, "next": 1}
    assert found.unfinished() == ""


def test_a_calm_machine_needs_no_warning() -> None:
    found = results()
    found.disturbed(0.1)

    assert found.warning() == ""


def test_turns_are_joined_with_all_that_is_to_be_known_of_them() -> None:
    one, other = results(), Results()
    other.add("load", "rival", [(COST, 7.0)], number=4)
    other.fail("it gave up")
    other.disturbed(0.3)
    assert (one.calm, other.calm) == (True, False)

    one.join(other)

    assert one.figures[("load", "cost")].values("rival") == [80.0, 100.0, 120.0, 7.0]
    assert (one.notes, one.failed, one.others, one.calm) == (["it gave up"], True, 0.3, False)
    assert "0.30 cores" in one.warning()
