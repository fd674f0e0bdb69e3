"""Medians, ratios, goals and the tables made of them."""

from __future__ import annotations

import math

from bench.results import OURS, Goal, Kind, Results
from bench.table import markdown, sheets

RATE = Kind(name="rate", unit="/s", better="higher")
COST = Kind(name="cost", unit="ms")


def results() -> Results:
    found = Results()
    for ours, theirs in ((40.0, 80.0), (60.0, 100.0), (50.0, 120.0)):
        found.add("load", OURS, [(COST, ours), (RATE, 30.0)])
        found.add("load", "rival", [(COST, theirs), (RATE, 10.0)])
    return found


def test_a_ratio_is_our_median_over_theirs() -> None:
    cost = results().figures[("load", "cost")]

    assert cost.ratio("rival") == 0.5
    assert cost.as_json() == {
        "name": "cost",
        "unit": "ms",
        "better": "lower",
        "load": "load",
        "ours": 50.0,
        "rivals": {"rival": 100.0},
        "ratios": {"rival": 0.5},
        "runs": {OURS: [40.0, 60.0, 50.0], "rival": [80.0, 100.0, 120.0]},
    }


def test_what_was_not_measured_has_no_ratio() -> None:
    cost = results().figures[("load", "cost")]

    assert math.isnan(cost.ratio("nobody"))


def test_a_goal_is_judged_in_the_direction_of_its_figure() -> None:
    found = results()

    assert Goal(figure="cost", load="load", rival="rival", limit=0.5).judge(found) == (0.5, True)
    assert Goal(figure="cost", load="load", rival="rival", limit=0.4).judge(found) == (0.5, False)
    assert Goal(figure="rate", load="load", rival="rival", limit=4).judge(found) == (3.0, False)
    assert Goal(figure="cost", load="load", limit=50).judge(found) == (50.0, True)
    assert Goal(figure="cost", load="other", limit=50).judge(found) is None


def test_the_tables_show_ratio_median_and_spread() -> None:
    (sheet,) = sheets(results(), [])

    assert sheet.columns == ["figure", "rival", OURS]
    assert sheet.rows[0] == ["cost, ms ↓", "0.50 × 100 (80 to 120)", "50 (40 to 60)"]


def test_the_page_says_what_disturbed() -> None:
    found = results()
    found.note("the load generator was the limit")
    found.note("the load generator was the limit")

    found.disturbed(1.4)
    found.disturbed(0.3)

    page = markdown(found, [], "make bench")

    assert page.count("the load generator was the limit") == 1
    assert "other programs used up to 1.40 cores" in page


def test_a_calm_machine_needs_no_warning() -> None:
    found = results()
    found.disturbed(0.1)

    assert found.warning() == ""


def test_turns_are_joined_with_all_that_is_to_be_known_of_them() -> None:
    one, other = results(), Results()
    other.add("load", "rival", [(COST, 7.0)])
    other.fail("it gave up")
    other.disturbed(0.3)
    assert (one.calm, other.calm) == (True, False)

    one.join(other)

    assert one.figures[("load", "cost")].runs["rival"] == [80.0, 100.0, 120.0, 7.0]
    assert (one.notes, one.failed, one.others, one.calm) == (["it gave up"], True, 0.3, False)
    assert "0.30 cores" in one.warning()
