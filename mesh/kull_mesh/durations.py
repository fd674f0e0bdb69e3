"""Durations as people write them: 30s, 15m, 1h, 7d. PURE."""

from __future__ import annotations

import re

from kull_mesh.errors import MeshError

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")


def seconds(text: str) -> float:
    """Return the seconds of a duration. Raises MeshError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise MeshError(f"{text!r} is no duration: write for example 30s, 15m, 1h or 7d")
    return int(match[1]) * _UNITS[match[2]]
