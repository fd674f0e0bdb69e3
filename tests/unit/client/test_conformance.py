"""The client does what conformance/ asks of every client."""

from __future__ import annotations

from typing import Any

import pytest

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
