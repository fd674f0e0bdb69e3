from __future__ import annotations

from kull_mesh.doctor.canary import Flight, Hop
from kull_mesh.doctor.findings import Findings
from kull_mesh.doctor.probe import Probe


def test_the_metrics_say_what_the_last_look_found_and_nothing_older() -> None:
    probe, found, fine = Probe(), Findings("store"), Findings("store")
    found.error("away", "mend it")
    fine.fine("there")
    hops = (Hop(name="RabbitMQ confirms", seconds=0.25), Hop(name="router stores", seconds=None))

    probe.looked(found.all, Flight(hops=hops), 5.0)
    first = probe.exposition().decode()
    probe.looked(fine.all, Flight(problem="lost", do="look"), 6.0)
    second = probe.exposition().decode()

    assert 'kull_doctor_findings{check="store",severity="error"} 1.0' in first
    assert 'kull_doctor_canary_hop_seconds{hop="rabbitmq_confirms"} 0.25' in first
    assert "router_stores" not in first
    assert "kull_doctor_status 2.0" in first
    assert 'kull_doctor_findings{check="store",severity="error"} 0.0' in second
    assert "kull_doctor_canary_hop_seconds{" not in second
    assert 'kull_doctor_canaries_total{outcome="lost"} 1.0' in second
    assert "kull_doctor_status 0.0" in second
