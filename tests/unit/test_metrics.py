"""Names, types, labels and texts of all metrics follow Prometheus' conventions, and are bounded."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kull_mesh.metrics_catalogue import ROLES, Role, by_name
from kull_protos.common.code_labels import CODES
from kull_protos.common.measures import OTHER, Kind, Metric
from kull_protos.contract.close_codes import CloseCode

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/metrics.md"
METRICS = sorted(by_name().values(), key=lambda metric: metric.name)
# How many series each role may have at most, with room for a few more: raise it on purpose.
AT_MOST = {"Router": 260, "Edge": 150, "Gateway": 360, "Publisher": 40, "`kull up`": 10,
           "Console": 280, "Doctor": 40}  # fmt: skip
# What splits a metric. Who sends something and what it is called is made up outside.
LABELS = {"type", "outcome", "code", "kind", "why", "what", "path", "status", "reason", "limit",
          "check", "severity", "hop"}  # fmt: skip
WHOSE = {"router", "edge", "gateway", "publisher", "outbox", "up", "console", "doctor"}
UNITS = ("seconds", "bytes")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_as_prometheus_wants_it(metric: Metric) -> None:
    assert re.fullmatch(
        r"kull_(router|edge|gateway|publisher|outbox|up|console|doctor)_[a-z_]*[a-z]", metric.name
    )
    assert (metric.kind == Kind.COUNTER) == metric.name.endswith("_total")
    words = set(metric.name.split("_"))
    assert not words & {"ms", "milliseconds", "minutes", "kilobytes", "mb"}, "base units only"
    if metric.kind == Kind.HISTOGRAM:
        assert metric.name.endswith(("_seconds", "_jobs", "_entries"))
        assert list(metric.bounds) == sorted(set(metric.bounds))
    for unit in UNITS:
        assert unit not in words or metric.name.removesuffix("_total").endswith(unit)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_says_what_it_is_in_one_line(metric: Metric) -> None:
    assert metric.text[0].isupper()
    assert len(metric.text) > 15
    assert not metric.text.endswith(".")
    assert "\n" not in metric.text
    assert "|" not in metric.text, "it stands in a table"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_labels_have_values_that_nobody_can_add_to(metric: Metric) -> None:
    assert set(metric.labels) <= LABELS
    for values in metric.labels.values():
        assert 1 < len(values) == len(set(values)) <= 32
        assert all(re.fullmatch(r"[A-Za-z0-9_./{}:-]+", value) for value in values)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_has_so_many_series_at_most(role: Role) -> None:
    series = sum(metric.series for metric in role.metrics)

    assert AT_MOST[role.name] * 0.5 < series <= AT_MOST[role.name]


def test_each_name_stands_for_one_metric() -> None:
    names = [metric.name for role in ROLES for metric in role.metrics]

    assert len(names) == len(set(names)) == len(METRICS)


def test_what_rests_on_two_clocks_says_so() -> None:
    two = {metric.name for metric in METRICS if "wall clock" in metric.text or "Two" in metric.text}

    assert two >= {
        "kull_router_publish_to_stored_seconds",
        "kull_edge_stored_to_written_seconds",
        "kull_edge_publish_to_acknowledged_seconds",
        "kull_outbox_oldest_seconds",
    }


def test_every_close_code_has_a_series_and_all_others_share_one() -> None:
    assert {str(int(code)) for code in CloseCode} < set(CODES)
    assert {"0", "1009", OTHER} < set(CODES)
    assert not {"1000.", "CloseCode"} & set(CODES)


def test_the_document_is_what_the_code_declares() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/gen_metrics.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_the_document_has_a_row_for_each_metric_with_its_type_and_text() -> None:
    rows = re.findall(r"(?m)^\| `(kull_\w+)` \| (\w+) \| .*? \| (.+) \|$", DOCUMENT.read_text())

    assert sorted(rows) == [(metric.name, metric.kind, metric.text) for metric in METRICS]


def test_every_metric_that_a_document_names_exists() -> None:
    known = set(by_name())
    for path in [*ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md"), ROOT / "README.md"]:
        named = set(
            re.findall(
                r"\bkull_(?:router|edge|gateway|publisher|outbox|up|doctor)_[a-z_]+",
                path.read_text(),
            )
        )
        named = {re.sub(r"_(bucket|count|sum)$", "", name) for name in named if "." not in name}

        assert named - known == set(), path
