"""The command: what it writes when a run comes to its end, and when it does not."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from bench import __main__ as command
from bench import runner
from bench.figures import CPU
from bench.results import OURS, Results

ROOT = Path(__file__).parents[3]
Keep = Callable[[], None]


def run_with(monkeypatch: pytest.MonkeyPatch, folder: Path, rounds: int, planned: int) -> Results:
    """Run a plan of so many rounds, of which the last ones do not come."""

    def rounds_of(loads: object, results: Results, say: object, keep: Keep) -> None:
        results.planned = {"load": planned}
        for number in range(1, rounds + 1):
            results.add("load", OURS, [(CPU, 300.0)], number=number)
            results.whole["load"] = number
            keep()
        if rounds < planned:
            raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run", rounds_of)
    results = Results()
    command._run([], results, Console(file=io.StringIO()), folder)
    return results


def test_a_run_that_ends_leaves_its_results_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_with(monkeypatch, tmp_path, 3, 3)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["RESULTS.md", "results.json"]
    report = json.loads((tmp_path / "results.json").read_text())
    assert report["figures"][0]["runs"] == {OURS: {"1": 300.0, "2": 300.0, "3": 300.0}}
    assert report["unfinished"] == ""


def test_a_run_that_is_broken_off_leaves_its_whole_rounds_and_the_last_results(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "RESULTS.md").write_text("of the last whole run")

    with pytest.raises(KeyboardInterrupt):
        run_with(monkeypatch, tmp_path, 2, 5)

    assert (tmp_path / "RESULTS.md").read_text() == "of the last whole run"
    report = json.loads((tmp_path / "unfinished" / "results.json").read_text())
    assert "2 of 5 (load)" in report["unfinished"]
    assert report["figures"][0]["runs"] == {OURS: {"1": 300.0, "2": 300.0}}
    assert "2 of 5 (load)" in (tmp_path / "unfinished" / "RESULTS.md").read_text()


def test_a_rabbitmq_that_is_not_there_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "tiny", "--rabbitmq", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "has no rabbitmq-server" in done.stderr
