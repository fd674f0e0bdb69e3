from __future__ import annotations

import pytest
import structlog

from kull_mesh.log_level import Level


def passes(level: Level, method: str) -> bool:
    try:
        level(None, method, {"event": "x"})
    except structlog.DropEvent:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "passing"),
    [
        ("debug", ["debug", "info", "warning", "error", "exception", "critical"]),
        ("info", ["info", "warning", "error", "exception", "critical"]),
        ("error", ["error", "exception", "critical"]),
    ],
)
def test_lines_pass_that_are_severe_enough(name: str, passing: list[str]) -> None:
    level = Level()
    level.configure(name)

    methods = ("debug", "info", "warning", "error", "exception", "critical")
    assert [method for method in methods if passes(level, method)] == passing


def test_the_level_changes_while_a_process_runs_and_says_so_once() -> None:
    level = Level()
    level.configure("warning")

    with structlog.testing.capture_logs() as lines:
        level.debug()
        level.debug()
        assert passes(level, "debug")
        level.back()

    assert not passes(level, "info")
    assert [(line["event"], line["to"]) for line in lines] == [
        ("log_level_changed", "debug"),
        ("log_level_changed", "warning"),
    ]
