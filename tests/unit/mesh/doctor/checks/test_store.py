from __future__ import annotations

from typing import Any

import pytest

from kull_mesh.doctor.checks.store import check
from kull_mesh.doctor.facts import StoreSeen
from tests.unit.mesh.doctor.seen import bad, facts, only

GOOD: dict[str, Any] = {"where": "kull.db", "schema": 4, "shard_count": 4}


@pytest.mark.parametrize(
    ("wrong", "severity", "said"),
    [
        ({"problem": "there is no store"}, "error", "there is no store"),
        ({"pending": ["0005 more"]}, "warning", "1 steps are to come"),
        ({"shard_count": 16}, "error", "made for 16 shards, 4 are configured"),
    ],
)
def test_what_is_wrong_with_it_is_told(wrong: dict[str, Any], severity: str, said: str) -> None:
    found = only(check(facts(store=StoreSeen(**(GOOD | wrong)))))

    assert found[0] == severity
    assert said in found[1]


def test_a_store_of_this_version_is_fine() -> None:
    assert bad(check(facts(store=StoreSeen(**GOOD)))) == []
