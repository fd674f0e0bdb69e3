"""The doctor as a probe: what it found, as metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from kull_mesh.doctor.canary import Flight
from kull_mesh.doctor.findings import Finding, Severity, exit_code

BAD: Final = (Severity.WARNING, Severity.ERROR)


class Probe:
    """Its metrics: a series for each check and hop, of which there are few."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._findings = Gauge(
            "kull_doctor_findings",
            "What the last look found, by check and severity",
            ["check", "severity"],
            registry=self.registry,
        )
        self._worst = Gauge(
            "kull_doctor_status",
            "0: all is fine, 1: warnings, 2: errors, as of the last look",
            registry=self.registry,
        )
        self._looked = Gauge(
            "kull_doctor_last_look_timestamp_seconds",
            "When the last look ended",
            registry=self.registry,
        )
        self._hops = Gauge(
            "kull_doctor_canary_hop_seconds",
            "How long the last canary took for each part of its way",
            ["hop"],
            registry=self.registry,
        )
        self._canaries = Counter(
            "kull_doctor_canaries_total",
            "Canaries by what became of them",
            ["outcome"],
            registry=self.registry,
        )
        self.status = 0

    def looked(self, findings: Iterable[Finding], flight: Flight | None, now: float) -> None:
        """Note a whole look. `now`: seconds since the Unix epoch."""
        found = list(findings)
        for check in {each.check for each in found}:
            for severity in BAD:
                count = sum(each.check == check and each.severity is severity for each in found)
                self._findings.labels(check, severity.label).set(count)
        self.status = exit_code(found)
        self._worst.set(self.status)
        self._looked.set(now)
        self._hops.clear()
        if flight is None:
            return
        self._canaries.labels("lost" if flight.problem else "arrived").inc()
        for hop in flight.hops:
            if hop.seconds is not None:
                self._hops.labels(hop.name.replace(" ", "_").lower()).set(hop.seconds)

    def exposition(self) -> bytes:
        """Return them in Prometheus' text format."""
        return generate_latest(self.registry)
