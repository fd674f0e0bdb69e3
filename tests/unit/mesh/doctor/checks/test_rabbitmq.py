from __future__ import annotations

from typing import Any

import pytest

from kull_mesh.doctor.checks.rabbitmq import check
from kull_mesh.doctor.facts import RabbitSeen
from tests.unit.mesh.doctor.seen import bad, facts, only


@pytest.mark.parametrize(
    ("seen", "severity", "said"),
    [
        ({"problem": "connection refused"}, "error", "connection refused"),
        ({"alarms": ["its disk is full at r@h"]}, "error", "its disk is full"),
        ({"missing": ["kull.shards", "kull.shards.4"]}, "error", "no router has ever"),
        ({"missing": ["kull.shards.4"]}, "error", "has not 4 shards"),
        ({"missing": ["kull.router.02"]}, "error", "missing: kull.router.02"),
        ({"refused": ["kull.shoot"]}, "error", "may not look at kull.shoot"),
        ({"unbound": ["kull.shoot → kull.route"]}, "error", "no route kull.shoot"),
        ({"consumers": {"kull.router.00": 0, "kull.dead": 0}}, "error", "consumes kull.router.00"),
        ({"waiting": {"kull.router.00": 20_000}}, "warning", "20000 messages wait"),
        ({"waiting": {"kull.dead": 3}}, "warning", "3 dead letters"),
    ],
)
def test_what_is_wrong_with_it_is_told(seen: dict[str, Any], severity: str, said: str) -> None:
    found = only(check(facts(rabbit=RabbitSeen(**seen))))

    assert found[0] == severity
    assert said in found[1]


def test_all_there_with_consumers_is_fine() -> None:
    seen = RabbitSeen(consumers={"kull.router.00": 1, "kull.dead": 0}, waiting={"kull.dead": 0})

    assert bad(check(facts(rabbit=seen))) == []
