"""Clocks that differ: tokens, ages and hop times are held against them. PURE."""

from __future__ import annotations

from typing import Final

from kull_mesh.doctor.facts import Facts
from kull_mesh.doctor.findings import Finding, Findings

NOTABLE: Final = 2.0  # seconds
TOO_FAR: Final = 30.0  # half of what tokens' issuers may be ahead
_DO: Final = "have both hosts follow a time server (chrony, systemd-timesyncd)"


def check(facts: Facts) -> list[Finding]:
    """Compare each clock with ours; what a slow answer leaves open counts for it."""
    found = Findings("clocks")
    for seen in facts.clocks:
        if seen.problem:
            found.skipped(f"the clock of {seen.whose} was not read: {seen.problem}")
            continue
        off = max(0.0, abs(seen.ahead) - seen.within)
        told = f"{seen.whose} is {abs(seen.ahead):.1f} s {'ahead' if seen.ahead > 0 else 'behind'}"
        if off >= TOO_FAR:
            found.error(f"{told}: tokens are taken for expired, or for not valid yet", _DO)
        elif off >= NOTABLE:
            found.warning(told, _DO)
        else:
            found.fine(f"{seen.whose} agrees within {abs(seen.ahead) + seen.within:.1f} s")
    if not found.all:
        found.skipped("no other clock was in reach")
    return found.all
