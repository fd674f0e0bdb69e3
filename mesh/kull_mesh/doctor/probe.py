"""The doctor as a probe: what it found, as metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kull_mesh.doctor.canary import HOPS, Flight
from kull_mesh.doctor.findings import CHECKS, Finding, Severity, exit_code
from kull_protos.common.measures import (
    Counts,
    Gauge,
    Gauges,
    counter,
    gauge,
    measures_of,
)
from kull_protos.serving import exposition

BAD: Final = (Severity.WARNING, Severity.ERROR)

FINDINGS: Final = gauge(
    "kull_doctor_findings",
    "What the last look found, by check and severity",
    check=CHECKS,
    severity=[each.label for each in BAD],
)
STATUS: Final = gauge("kull_doctor_status", "Of the last look: 0 all is fine, 1 warnings, 2 errors")
LAST_LOOK: Final = gauge(
    "kull_doctor_last_look_timestamp_seconds", "When the last look ended, since the Unix epoch"
)
HOP_SECONDS: Final = gauge(
    "kull_doctor_canary_hop_seconds",
    "How long the last canary took for each part of its way",
    hop=[hop.replace(" ", "_").lower() for hop in HOPS],
)
CANARIES: Final = counter(
    "kull_doctor_canaries_total",
    "Canaries by what became of them",
    outcome=("arrived", "lost"),
)


class Probe:
    """Its metrics: a series for each check and hop, of which there are few."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], float] = {}
        self._flown: dict[str, float] = {}
        self._looked: float | None = None
        self.status = 0
        self._findings = Gauges(FINDINGS, lambda: self._found)
        self._worst = Gauge(STATUS, lambda: None if self._looked is None else self.status)
        self._last_look = Gauge(LAST_LOOK, lambda: self._looked)
        self._hops = Gauges(HOP_SECONDS, lambda: self._flown)
        self._canaries = Counts(CANARIES)
        self._registry = exposition.registry(lambda: [("", measures_of(self))])

    def looked(self, findings: Iterable[Finding], flight: Flight | None, now: float) -> None:
        """Note a whole look. `now`: seconds since the Unix epoch."""
        found = list(findings)
        for check in {each.check for each in found}:
            for severity in BAD:
                count = sum(each.check == check and each.severity is severity for each in found)
                self._found[check, severity.label] = count
        self.status = exit_code(found)
        self._looked = now
        self._flown.clear()
        if flight is None:
            return
        self._canaries.add("lost" if flight.problem else "arrived")
        for hop in flight.hops:
            if hop.seconds is not None:
                self._flown[hop.name.replace(" ", "_").lower()] = hop.seconds

    def exposition(self) -> bytes:
        """Return them in Prometheus' text format."""
        return exposition.text(self._registry)
