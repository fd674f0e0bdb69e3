from __future__ import annotations

from typing import Any

import pytest

from kull_mesh.doctor.checks.tls import check
from kull_mesh.doctor.facts import CertificateSeen
from tests.unit.mesh.doctor.seen import DAY, NOW, bad, configured, facts, only

GOOD: dict[str, Any] = {
    "variable": "KULL_TLS_CERT",
    "path": "r.crt",
    "expires": NOW + 300 * DAY,
    "identity": ("router", "r"),
}


@pytest.mark.parametrize(
    ("wrong", "severity", "said"),
    [
        ({"problem": "No such file"}, "error", "No such file"),
        ({"expires": NOW - 2 * DAY}, "error", "expired 2 days ago"),
        ({"expires": NOW + 2 * DAY}, "error", "expires in 2 days"),
        ({"expires": NOW + 20 * DAY}, "warning", "expires in 20 days"),
        ({"is_pair": False}, "error", "not the certificate of KULL_TLS_KEY"),
        ({"is_trusted": False}, "error", "not signed by the authority"),
        ({"exposed": True}, "warning", "others than its owner"),
        ({"identity": ("edge", "edge-1")}, "error", "its owner is edge edge-1"),
        ({"identity": ("", "")}, "error", "its owner is nobody"),
    ],
)
def test_a_certificate_that_will_not_do_is_told(
    wrong: dict[str, Any], severity: str, said: str
) -> None:
    found = only(check(facts(certificates=[CertificateSeen(**(GOOD | wrong))])))

    assert found[0] == severity
    assert said in found[1]


def test_a_gateway_shows_that_of_a_viewer() -> None:
    seen = CertificateSeen(**(GOOD | {"identity": ("viewer", "gateway")}))

    assert bad(check(facts(configured=configured(role="gateway"), certificates=[seen]))) == []
