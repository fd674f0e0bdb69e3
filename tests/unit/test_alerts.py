"""Alert rules and boards ask for what exists, and every alert says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import promql

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules.yml"
TESTS = ROOT / "deploy/prometheus/rules_test.yml"
BOARDS = sorted((ROOT / "deploy/grafana/boards").glob("*.json"))
RUNBOOK = ROOT / "docs/operations.md"
SEVERITIES = {"critical", "warning", "info"}


def rules(kind: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


ALERTS = rules("alert")
RECORDED = {rule["record"]: rule["expr"] for rule in rules("record")}


def rows() -> dict[str, list[str]]:
    """The runbook's rows by the alert's name: meaning, how to see it, what to do."""
    found = re.findall(r'(?m)^\| <a id="([a-z]+)"></a>(\w+) \| (.+) \|$', RUNBOOK.read_text())
    assert all(anchor == name.lower() for anchor, name, _ in found)
    return {name: cells.split(" | ") for _, name, cells in found}


def panels(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


@pytest.mark.parametrize(
    "rule", [*ALERTS, *rules("record")], ids=lambda r: r.get("alert") or r["record"]
)
def test_a_rule_asks_for_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    assert list(promql.problems(rule["expr"], RECORDED)) == []


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_board_asks_for_metrics_and_labels_that_exist(path: Path) -> None:
    board = json.loads(path.read_text())
    asked = list(panels(board))

    assert asked
    wrong = [(title, why) for title, expr in asked for why in promql.problems(expr, RECORDED)]
    assert wrong == []


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_boards_legends_use_labels_that_its_queries_leave(path: Path) -> None:
    board = json.loads(path.read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            grouped = promql.parse(target["expr"]).grouped
            assert not grouped or named <= grouped, panel["title"]


def test_boards_have_ids_of_their_own_and_the_provisioned_source() -> None:
    boards = [json.loads(path.read_text()) for path in BOARDS]
    source = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/kull.yml").read_text())
    [uid] = [each["uid"] for each in source["datasources"]]

    assert len({board["uid"] for board in boards}) == len(boards) >= 4
    for board in boards:
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {uid}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_a_row_that_says_what_it_means_how_to_see_it_and_what_to_do(
    rule: dict[str, Any],
) -> None:
    name = rule["alert"]

    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"
    assert len(rule["annotations"]["summary"]) > 15
    assert len(rows()[name]) == 3
    assert all(len(cell) > 3 for cell in rows()[name])


def test_no_row_outlives_its_alert() -> None:
    assert list(rows()) == [rule["alert"] for rule in ALERTS]


def test_every_alert_is_made_to_fire_and_not_to_fire() -> None:
    expected: dict[str, set[bool]] = {}
    for test in yaml.safe_load(TESTS.read_text())["tests"]:
        for each in test.get("alert_rule_test", ()):
            expected.setdefault(each["alertname"], set()).add(bool(each.get("exp_alerts")))

    assert {rule["alert"] for rule in ALERTS} == set(expected)
    assert [name for name, fires in expected.items() if fires != {True, False}] == []


def test_compose_scrapes_every_role_under_the_names_that_the_rules_know() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    ports = {"kull-router": "KULL_METRICS_PORT", "kull-edge": "KULL_EDGE_METRICS_PORT",
             "kull-gateway": "KULL_GATEWAY_METRICS_PORT",
             "kull-console": "KULL_CONSOLE_METRICS_PORT"}  # fmt: skip
    prometheus = services["prometheus"]

    assert {job["job_name"] for job in config["scrape_configs"]} == ports.keys()
    for job in config["scrape_configs"]:
        [targets] = [each["targets"] for each in job["static_configs"]]
        for target in targets:
            name, _, port = target.partition(":")
            assert str(services[name]["environment"][ports[job["job_name"]]]) == port
            assert set(services[name]["networks"]) & set(prometheus["networks"]), name
            assert not any(port in str(each) for each in services[name].get("ports", ()))


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("kull_router_gone_total", "there is no metric"),
        ('rate(kull_edge_closes_total{colour="red"}[5m])', "has no label colour"),
        ('kull_edge_closes_total{code="9999"}', "never has code"),
        ('kull_edge_closes_total{code=~"4000|9999"}', "never has code"),
        ("sum by (user) (kull_edge_closes_total)", "the label ['user']"),
        ("histogram_quantile(0.9, kull_edge_connect_seconds)", "there is no metric"),
        ("1 + 1", "names no metric"),
    ],
)
def test_a_query_for_what_does_not_exist_is_seen(expression: str, why: str) -> None:
    [problem] = promql.problems(expression, {})

    assert why in problem


def test_a_query_is_read_with_its_matchers_and_groupings() -> None:
    query = promql.parse(
        'sum by (le, code) (rate(kull_a_bucket{code=~"4.*|5 }", job="x"}[5m])) / kull:b'
    )

    assert query.metrics == [
        ("kull_a_bucket", [("code", "=~", "4.*|5 }"), ("job", "=", "x")]),
        ("kull:b", []),
    ]
    assert query.grouped == {"le", "code"}
