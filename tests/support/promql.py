"""What a PromQL query names: enough of its grammar to hold queries to the metrics that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from kull_mesh.metrics_catalogue import by_name
from kull_protos.common.measures import Kind

# What Prometheus, compose and `kull up` add.
ANY_VALUE: Final = frozenset({"instance", "job", "node", "le"})
OF_PROCESSES: Final = frozenset({
    "up", "process_cpu_seconds_total", "process_max_fds", "process_open_fds",
    "process_resident_memory_bytes",
})  # fmt: skip
_STRING: Final = r'"(?:[^"\\]|\\.)*"'
_SELECTOR: Final = re.compile(rf"\b([a-zA-Z_:][\w:]*)\s*(?:\{{((?:[^{{}}\"]|{_STRING})*)\}})?")
_MATCHER: Final = re.compile(rf"([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*({_STRING})")
_GROUPED: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_OURS: Final = re.compile(r"kull[_:]|process_|up$")


@dataclass(frozen=True, slots=True)
class Query:
    """The metrics with their matchers, `(label, operator, value)`, and the labels of groupings."""

    metrics: list[tuple[str, list[tuple[str, str, str]]]] = field(default_factory=list)
    grouped: set[str] = field(default_factory=set)


def parse(expression: str) -> Query:
    """Return what a query names."""
    query = Query()
    for labels in _GROUPED.findall(expression):
        query.grouped.update(filter(None, (each.strip() for each in labels.split(","))))
    bare = _GROUPED.sub(" ", expression)
    for name, matchers in _SELECTOR.findall(bare):
        if _OURS.match(name):
            found = [(k, op, value[1:-1]) for k, op, value in _MATCHER.findall(matchers)]
            query.metrics.append((name, found))
    return query


def problems(expression: str, recorded: Mapping[str, str]) -> Iterator[str]:
    """Yield what a query names and no role has. `recorded`: recording rules and their queries."""
    query = parse(expression)
    if not query.metrics:
        yield f"it names no metric: {expression}"
    known_labels: set[str] = set(ANY_VALUE)
    for name, matchers in query.metrics:
        labels = labels_of(name, recorded)
        if labels is None:
            yield f"there is no metric {name}"
            continue
        known_labels |= labels.keys()
        for label, operator, value in matchers:
            if label in ANY_VALUE:
                continue
            if label not in labels:
                yield f"{name} has no label {label}"
            elif not _any_matches(operator, value, labels[label]):
                yield f"{name} never has {label}{operator}{value!r}"
    if unknown := query.grouped - known_labels:
        yield f"no metric of it has the label {sorted(unknown)}"


def labels_of(name: str, recorded: Mapping[str, str]) -> Mapping[str, tuple[str, ...]] | None:
    """Return the labels of a series with their values, None if there is no such series."""
    if name in OF_PROCESSES or name in recorded:
        return {}
    known = by_name()
    if name in known:
        return None if known[name].kind == Kind.HISTOGRAM else known[name].labels
    base, _, end = name.rpartition("_")
    if base in known and known[base].kind == Kind.HISTOGRAM and end in {"bucket", "sum", "count"}:
        return known[base].labels
    return None


def _any_matches(operator: str, value: str, values: tuple[str, ...]) -> bool:
    if operator in {"=", "!="}:
        return value in values
    parts = value.split("|")
    if all(re.fullmatch(r"[\w./-]+", part) for part in parts):
        return set(parts) <= set(values)
    return any(re.fullmatch(value, each) for each in values)
