"""Every fact in the logs has a name, which docs/operations.md tells, and fields about nobody."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.members import MEMBERS

ROOT = Path(__file__).parents[2]
LEVELS = {"exception": "error"} | {
    name: name for name in ("debug", "info", "warning", "error", "critical")
}
# Ids, counts, places of ours, and reasons in our words. Not: names, titles, addresses, contents.
FIELDS = {
    *("again_in", "app_id", "attempts", "caller", "certificate", "channel", "check", "code"),
    *("connection", "count", "cursors", "device", "do", "edge", "epoch", "error", "events"),
    *("every", "exc_info", "exchange", "file", "form", "frame", "grpc", "held", "hint", "id"),
    *("jobs", "keys", "kind", "left_out", "link", "messages", "method", "metrics", "missing"),
    *("now", "of", "one", "part", "path", "peer", "problem", "reason", "request", "router"),
    *("router_id", "routing_key", "rows", "seconds", "session", "shard", "shards", "term", "to"),
    *("type", "url", "user", "was", "what", "why", "worker", "address"),
    *("action", "gone", "number", "operator", "republished", "result", "target"),
}


class Line(NamedTuple):
    """A call that logs."""

    where: str
    event: str
    level: str
    fields: tuple[str, ...]


def lines() -> Iterator[Line]:
    """Every call of a structlog logger in our packages."""
    for folder, package in MEMBERS.items():
        for path in sorted((ROOT / folder / package).rglob("*.py")):
            source = path.read_text()
            if "structlog.get_logger" not in source:
                continue
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Call) and (line := _line(node, str(path))):
                    yield line


def _line(call: ast.Call, path: str) -> Line | None:
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr not in LEVELS:
        return None
    if ast.unparse(function.value) not in {"log", "self._log"}:
        return None
    event = call.args[0].value if isinstance(call.args[0], ast.Constant) else ""
    fields = tuple(each.arg or "**" for each in call.keywords)
    return Line(f"{path}:{call.lineno}", str(event), LEVELS[function.attr], fields)


def test_every_event_is_a_name_and_stands_with_its_level_in_the_manual() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    section = page.split("\n## What the logs say\n")[1].split("\n## ")[0]
    told = {
        name: set(levels.split(", "))
        for name, levels in re.findall(r"(?m)^\| `(\w+)` \| ([a-z, ]+) \|", section)
    }
    logged: dict[str, set[str]] = {}
    for line in lines():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", line.event), line
        logged.setdefault(line.event, set()).add(line.level)

    assert logged == told


def test_no_field_of_a_line_is_for_what_belongs_to_a_person() -> None:
    unknown = [(line.where, set(line.fields) - FIELDS) for line in lines()]

    assert [each for each in unknown if each[1]] == []
