"""Durations as people write them."""

from __future__ import annotations

import pytest

from kull_mesh.durations import seconds
from kull_mesh.errors import MeshError


@pytest.mark.parametrize(
    ("text", "value"), [("30s", 30), ("15m", 900), ("1h", 3_600), ("7d", 604_800), (" 2h ", 7_200)]
)
def test_a_duration_has_a_number_and_a_unit(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "h", "1", "-1h", "1.5h", "0s", "1w", "1h30m", "9" * 12 + "s"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(MeshError, match="1h"):
        seconds(text)
