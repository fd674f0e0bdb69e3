"""Certificates: there, whole, trusted, ours, and not about to expire. PURE."""

from __future__ import annotations

from typing import Final

from kull_mesh.doctor.facts import CertificateSeen, Facts
from kull_mesh.doctor.findings import Finding, Findings

SOON: Final = 30 * 86_400.0  # seconds before the end
VERY_SOON: Final = 3 * 86_400.0
# What a process of a role shows to routers.
IDENTITIES: Final = {
    "router": {"router"},
    "edge": {"edge"},
    "gateway": {"viewer", "operator"},
    "console": {"operator"},
    "operator": {"viewer", "operator"},
    "up": {"viewer", "operator"},
}


def check(facts: Facts) -> list[Finding]:
    """Look at each file that the settings name."""
    found = Findings("tls")
    for seen in facts.certificates:
        before = len(found.all)
        _look(seen, facts, found)
        if len(found.all) == before:
            days = (seen.expires - facts.now) / 86_400
            found.fine(f"{seen.path} is good for {days:.0f} days")
    if not found.all:
        found.skipped("no certificate is set: keep the network between the nodes private")
    return found.all


def _look(seen: CertificateSeen, facts: Facts, found: Findings) -> None:
    if seen.problem:
        found.error(f"{seen.variable}, {seen.path}: {seen.problem}", "put a PEM file there")
        return
    left = seen.expires - facts.now
    renew = "issue a new one (`kull certs issue`): new connections show it without a restart"
    if left <= 0:
        found.error(f"{seen.path} expired {-left / 86_400:.0f} days ago", renew)
    elif left < SOON:
        tell = found.error if left < VERY_SOON else found.warning
        tell(f"{seen.path} expires in {left / 86_400:.0f} days", renew)
    if not seen.is_pair:
        found.error(f"{seen.path} is not the certificate of KULL_TLS_KEY", "put both in place")
    if not seen.is_trusted:
        found.error(
            f"{seen.path} is not signed by the authority of KULL_TLS_CA",
            "use one authority for all",
        )
    if seen.exposed:
        found.warning("others than its owner may read KULL_TLS_KEY", "chmod 600")
    role, name = seen.identity
    wanted = IDENTITIES.get(facts.configured.role, set())
    if seen.variable == "KULL_TLS_CERT" and role not in wanted:
        said = f"{role} {name}" if role else "nobody"
        found.error(
            f"{seen.path} says that its owner is {said}: routers do not let it do its work",
            f"issue one of the role {' or '.join(sorted(wanted))}",
        )
