"""`make test` runs both suites and says both results, with one exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.__main__ import Counts, both, run
from tests.support.machine import Outcome, State

NODE = Outcome(title="Node", state=State.FOUND)
NO_NODE = Outcome(title="Node", state=State.MISSING, why="there is none")
PYTEST = """<testsuites><testsuite errors="1" failures="2" skipped="3" tests="10"/></testsuites>"""
VITEST = """<testsuites tests="5" failures="0" errors="0">
<testsuite tests="2" failures="0" errors="0" skipped="1"/>
<testsuite tests="3" failures="0" errors="0" skipped="0"/></testsuites>"""


def test_the_second_suite_runs_when_the_first_has_failed() -> None:
    counts = both(lambda: Counts(passed=1, failed=1), lambda: Counts(passed=5), NODE)

    assert (counts.passed, counts.failed, counts.code) == (6, 1, 1)


def test_a_failure_of_the_second_suite_is_the_exit_code_too() -> None:
    counts = both(lambda: Counts(passed=1), lambda: Counts(failed=1), NODE)

    assert counts.code == 1


def test_without_node_the_reason_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    counts = both(lambda: Counts(passed=1), lambda: Counts(failed=9), NO_NODE)

    assert (counts.passed, counts.code) == (1, 0)
    assert "The web SDK was not tested: there is none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "counted"),
    [(PYTEST, Counts(passed=4, failed=3, skipped=3)), (VITEST, Counts(passed=4, skipped=1))],
)
def test_the_reports_of_both_are_counted(tmp_path: Path, text: str, counted: Counts) -> None:
    report = tmp_path / "report.xml"
    report.write_text(text)

    assert Counts.read(report) == counted


def test_a_suite_that_ends_without_a_report_is_a_failure(tmp_path: Path) -> None:
    old = tmp_path / "report.xml"
    old.write_text(VITEST)  # of a run before

    counts = run("Web SDK", [sys.executable, "-c", "raise SystemExit(3)"], old)

    assert counts.code == 1
    assert str(counts) == "0 passed, 0 failed, 0 skipped; Web SDK ended with exit code 3"


def test_the_last_line_says_how_many_passed_and_failed() -> None:
    assert str(Counts(passed=1900, failed=0, skipped=4)) == "1900 passed, 0 failed, 4 skipped"
