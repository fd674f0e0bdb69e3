from __future__ import annotations

import pytest

from kull_mesh.doctor.checks.clocks import check
from kull_mesh.doctor.facts import ClockSeen
from kull_mesh.doctor.findings import Severity
from tests.unit.mesh.doctor.seen import bad, facts, only


@pytest.mark.parametrize(("ahead", "severity"), [(-3.0, "warning"), (40.0, "error")])
def test_a_clock_that_is_off_is_told_with_its_direction(ahead: float, severity: str) -> None:
    found = only(check(facts(clocks=[ClockSeen(whose="the database", ahead=ahead)])))

    assert found[0] == severity
    assert ("behind" if ahead < 0 else "ahead") in found[1]


def test_what_a_slow_answer_leaves_open_blames_no_clock() -> None:
    slow = ClockSeen(whose="router r", ahead=3.0, within=1.5)

    assert bad(check(facts(clocks=[slow]))) == []


def test_a_clock_that_cannot_be_read_is_skipped_and_says_why() -> None:
    (found,) = check(facts(clocks=[ClockSeen(whose="router r", problem="it is away")]))

    assert found.severity is Severity.SKIPPED
    assert "it is away" in found.what
