"""`make test` runs both suites and says both results, with one exit code."""

from __future__ import annotations

import re
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


def suite(name: str, folder: Path, result: str) -> Counts:
    report = folder / f"{name}.xml"
    script = f"import pathlib; pathlib.Path({str(report)!r}).write_text({result!r})"
    return run(name, [sys.executable, "-c", script], report)


def test_the_last_lines_say_each_suites_result_and_the_total(tmp_path: Path) -> None:
    counts = both(
        lambda: suite("Python", tmp_path, PYTEST), lambda: suite("Web SDK", tmp_path, VITEST), NODE
    )

    python, web, total = counts.summary().splitlines()
    assert re.fullmatch(r"Python: 4 passed, 3 failed, 3 skipped in \d+ s", python)
    assert re.fullmatch(r"Web SDK: 4 passed, 0 failed, 1 skipped in \d+ s", web)
    assert total == "8 passed, 3 failed, 4 skipped"


def test_without_node_the_last_lines_say_so(tmp_path: Path) -> None:
    counts = both(lambda: suite("Python", tmp_path, PYTEST), Counts, NO_NODE)

    python, web, total = counts.summary().splitlines()
    assert python.startswith("Python: 4 passed")
    assert web == "The web SDK was not tested: there is none"
    assert total == "4 passed, 3 failed, 3 skipped"


def test_the_last_line_says_how_many_passed_and_failed() -> None:
    assert str(Counts(passed=1900, failed=0, skipped=4)) == "1900 passed, 0 failed, 4 skipped"
