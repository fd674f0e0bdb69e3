"""Durations as people write them."""

from __future__ import annotations

import pytest

from kull_mesh.durations import seconds
from kull_mesh.errors import MeshError


@pytest.mark.parametrize(
    ("text", "wanted"), [("30s", 30), ("15m", 900), ("1h", 3_600), ("7d", 604_800), (" 2h ", 7_200)]
)
def test_units(text: str, wanted: int) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "1", "h", "1w", "-1h", "0s", "1.5h", "1h30m", "9" * 12 + "s", "1 h", "٣s"]
)
def test_what_is_no_duration_is_told_with_examples(text: str) -> None:
    with pytest.raises(MeshError, match="30s, 15m, 1h or 7d"):
        seconds(text)
