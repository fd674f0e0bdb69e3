from __future__ import annotations

from typing import Any

import pytest

from kull_mesh.doctor.checks.hops import check
from kull_mesh.doctor.facts import HopSeen
from tests.unit.mesh.doctor.seen import bad, facts, only, router


@pytest.mark.parametrize(
    ("wrong", "severity", "said"),
    [
        ({"shard_count": 8, "owned": list(range(8))}, "error", "8 shards, 4 are configured"),
        ({"owned": [0, 1, 2]}, "error", "1 of 4 shards have no owner"),
        ({"has_broker": False}, "error", "has no RabbitMQ"),
        ({"version": "0.9"}, "warning", "several versions"),
        ({"edges": []}, "error", "no edge is attached"),
    ],
)
def test_what_is_wrong_with_a_router_is_told(
    wrong: dict[str, Any], severity: str, said: str
) -> None:
    found = only(check(facts(routers=[router(**wrong)])))

    assert found[0] == severity
    assert said in found[1]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"problem": "it does not answer"}, "it does not answer"),
        ({"owned": [], "epoch": "other"}, "do not share one store"),
        ({"owned": [], "edges": []}, "not every edge"),
    ],
)
def test_what_is_wrong_between_routers_is_told(second: dict[str, Any], said: str) -> None:
    found = only(check(facts(routers=[router(), router(target="r:2", **second)])))

    assert said in found[1]


def test_who_does_not_answer_http_is_told() -> None:
    hop = HopSeen(what="edge", url="http://e", problem="not ready: it answers 503")

    assert "503" in only(check(facts(routers=[router()], hops=[hop])))[1]


def test_a_router_and_its_standby_are_fine() -> None:
    both = [router(), router(target="r:2", name="r2", owned=[])]

    assert bad(check(facts(routers=both))) == []
