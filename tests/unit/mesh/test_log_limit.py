"""A flood of lines is held to a rate, and what was left out is always said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from kull_mesh.log_limit import BURST, RATE, TOLD_AFTER, Limit


def written(limit: Limit, times: int, **line: Any) -> list[dict[str, Any]]:
    lines = []
    for _ in range(times):
        try:
            lines.append(limit(None, "info", dict(line)))
        except structlog.DropEvent:
            continue
    return lines


def test_each_kind_has_its_own_rate_and_the_next_line_says_what_is_missing() -> None:
    now = 1000.0
    limit = Limit(lambda: now)

    assert len(written(limit, 1000, event="flood", shard=1)) == BURST
    assert written(limit, 1, event="other") == [{"event": "other"}]

    now += 1
    lines = written(limit, 1000, event="flood")
    assert len(lines) == RATE
    assert lines[0] == {"event": "flood", "left_out": 1000 - BURST}
    assert lines[1] == {"event": "flood"}


def test_a_librarys_lines_are_one_kind_whatever_they_say() -> None:
    limit = Limit(lambda: 1000.0)

    lines = [
        line
        for number in range(1000)
        for line in written(limit, 1, event=f"connection {number} lost", logger="aiormq")
    ]

    assert len(lines) == BURST


def test_what_was_left_out_is_said_within_a_minute_though_no_further_line_comes() -> None:
    now, timers = 1000.0, list[tuple[float, Callable[[], None]]]()
    limit = Limit(lambda: now, lambda seconds, do: timers.append((seconds, do)))
    written(limit, 1404, event="session_closed")
    written(limit, 1000, logger="aiormq", event="lost")

    ((seconds, tell),) = timers
    now += seconds
    with structlog.testing.capture_logs() as lines:
        tell()
        limit.tell()

    assert seconds == TOLD_AFTER
    assert [(line["kind"], line["left_out"], line["seconds"]) for line in lines] == [
        ("session_closed", 1204, 60),
        ("aiormq", 800, 60),
    ]
    assert written(limit, 1, event="session_closed") == [{"event": "session_closed"}]


def test_what_the_next_line_has_said_is_not_said_again() -> None:
    now, timers = 1000.0, list[Callable[[], None]]()
    limit = Limit(lambda: now, lambda _, do: timers.append(do))
    written(limit, 1000, event="flood")
    now += 1
    written(limit, 1, event="flood")

    with structlog.testing.capture_logs() as lines:
        timers[0]()

    assert lines == []


def test_a_second_flood_is_said_as_well() -> None:
    now, timers = 1000.0, list[Callable[[], None]]()
    limit = Limit(lambda: now, lambda _, do: timers.append(do))
    for _ in range(2):
        written(limit, 1000, event="flood")
        with structlog.testing.capture_logs() as lines:
            timers.pop()()
        assert len(lines) == 1
        now += 100
