"""The client does what conformance/ asks of every client."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import kull_client
from tests.unit.client.vectors import ABILITIES, play, vectors


@pytest.mark.parametrize(
    "vector",
    [
        pytest.param(vector, id=f"{file}: {vector['name']}")
        for file, vector in vectors()
        if ABILITIES.issuperset(vector.get("needs", []))
    ],
)
def test_vector(vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    play(vector, monkeypatch)


@pytest.mark.parametrize("ahead", [2 * 3600, -60 * 86_400], ids=["2 h ahead", "60 days behind"])
@pytest.mark.parametrize(
    "vector",
    [
        pytest.param(vector, id=vector["name"])
        for file, vector in vectors()
        if file in {"tokens", "staleness", "ends"} and ABILITIES.issuperset(vector.get("needs", []))
    ],
)
def test_the_devices_clock_changes_nothing(
    vector: dict[str, Any], ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_760_000_000.0 + ahead)
    play(vector, monkeypatch)


def test_the_client_reads_no_clock_that_can_be_set() -> None:
    package = Path(kull_client.__file__).parent
    readers = [
        file.name
        for file in package.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and {"time", "datetime"} & {getattr(node, "module", None), *(a.name for a in node.names)}
    ]
    assert readers == []
