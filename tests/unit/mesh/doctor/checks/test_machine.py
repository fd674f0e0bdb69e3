from __future__ import annotations

import pytest

from kull_mesh.doctor.checks.machine import MIB, check
from kull_mesh.doctor.facts import DiskSeen
from tests.unit.mesh.doctor.seen import bad, configured, facts, only


@pytest.mark.parametrize(("free", "severity"), [(50 * MIB, "error"), (500 * MIB, "warning")])
def test_a_disk_that_runs_full_is_told(free: int, severity: str) -> None:
    disk = DiskSeen(what="the store", path="/d", free=free, total=100 * 1024 * MIB)

    assert only(check(facts(disks=[disk])))[0] == severity


def test_a_small_disk_with_much_of_it_free_is_fine() -> None:
    disk = DiskSeen(what="the store", path="/d", free=500 * MIB, total=600 * MIB)

    assert bad(check(facts(disks=[disk], descriptors=1 << 20))) == []


def test_a_folder_that_cannot_be_looked_at_is_told() -> None:
    disk = DiskSeen(what="the store", path="/d", problem="Permission denied")

    assert "Permission denied" in only(check(facts(disks=[disk])))[1]


@pytest.mark.parametrize(
    ("descriptors", "connections", "wrong"),
    [(512, 0, True), (4096, 5000, True), (4096, 3000, False), (0, 50_000, False)],
)
def test_too_few_descriptors_for_the_connections_are_told(
    descriptors: int, connections: int, wrong: bool
) -> None:
    edge = configured(role="edge", connections=connections)

    assert bool(bad(check(facts(configured=edge, descriptors=descriptors)))) == wrong
