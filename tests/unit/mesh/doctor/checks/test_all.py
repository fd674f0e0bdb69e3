from __future__ import annotations

from kull_mesh.doctor.checks.all import CHECKS, findings
from tests.unit.mesh.doctor.seen import bad, facts, router


def test_each_check_says_something_in_its_turn_and_nothing_bad_of_a_sound_set_up() -> None:
    found = list(findings(facts(routers=[router()])))

    assert bad(found) == []
    told = list(dict.fromkeys(each.check for each in found))
    assert told == [
        *("settings", "machine", "tls", "rabbitmq", "accounts", "store", "nodes", "clocks")
    ]
    assert len(told) == len(CHECKS)
