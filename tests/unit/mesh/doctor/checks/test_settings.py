from __future__ import annotations

from typing import Any

import pytest

from kull_mesh.doctor.checks.settings import check
from tests.unit.mesh.doctor.seen import bad, configured, facts, only


@pytest.mark.parametrize(
    ("given", "severity", "said"),
    [
        ({"problems": ["KULL_PORT: no"]}, "error", "KULL_PORT"),
        ({"verifies": False}, "error", "no device could connect"),
        ({"two_key_sources": True}, "error", "a file and from a URL"),
        ({"jwks_without_audience": True}, "error", "KULL_TOKEN_JWKS_URL"),
        ({"tls": frozenset({"KULL_TLS_CA"})}, "error", "KULL_TLS_CERT, KULL_TLS_KEY is missing"),
        ({"single_store": True, "routers": ["a:1", "b:1"]}, "error", "the store is a file for one"),
        ({"preferred": frozenset({1, 9})}, "error", "names 9, and there are 4"),
        ({"publish_timeout": 9.0, "answer_timeout": 5.0}, "error", "cuts an answer after 5 s"),
        ({"operators": False}, "error", "nobody could sign in"),
        ({"plain_tokens": True}, "warning", "anyone may connect"),
        ({"secrets_alike": True}, "warning", "the same secret"),
        ({"any_origin": True}, "warning", "any origin"),
    ],
)
def test_what_contradicts_itself_is_told(given: dict[str, Any], severity: str, said: str) -> None:
    found = only(check(facts(configured=configured(**given))))

    assert found[0] == severity
    assert said in found[1]


def test_plain_tokens_are_no_trouble_on_a_mesh_in_one_process() -> None:
    demo = configured(role="up", plain_tokens=True)

    assert bad(check(facts(configured=demo))) == []
