"""What a doctor sees where nothing is wrong, and how tests read what it says."""

from __future__ import annotations

from typing import Any

from kull_mesh.doctor.facts import Configured, Facts, RouterSeen
from kull_mesh.doctor.findings import Finding, Severity

NOW = 1_000_000_000.0
DAY = 86_400.0


def configured(**more: Any) -> Configured:
    return Configured(**{"role": "router", "shard_count": 4, **more})


def facts(**more: Any) -> Facts:
    return Facts(**{"configured": configured(), "now": NOW, "version": "1", **more})


def router(**more: Any) -> RouterSeen:
    seen = {
        "target": "r:1",
        "name": "r",
        "version": "1",
        "epoch": "e",
        "shard_count": 4,
        "owned": [0, 1, 2, 3],
        "edges": ["edge-1"],
    }
    return RouterSeen(**{**seen, **more})


def bad(found: list[Finding]) -> list[tuple[str, str]]:
    """Return what is not fine: how bad, and what."""
    wrong = [each for each in found if each.severity > Severity.FINE]
    assert all(each.do for each in wrong), "each says what to do"
    return [(each.severity.label, each.what) for each in wrong]


def only(found: list[Finding]) -> tuple[str, str]:
    """Return the one thing that is not fine."""
    (one,) = bad(found)
    return one
