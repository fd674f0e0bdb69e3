from __future__ import annotations

from typing import Any

import pytest

from kull_mesh.definitions import ROLES
from kull_mesh.doctor.checks.accounts import check
from kull_mesh.doctor.facts import AccountSeen, RabbitSeen
from kull_mesh.doctor.findings import Finding, Severity
from tests.unit.mesh.doctor.seen import bad, facts, only


def checked(role: str = "router", **more: Any) -> list[Finding]:
    account = AccountSeen(**{"name": "a", "role": role, "rights": ROLES[role], **more})
    return check(facts(rabbit=RabbitSeen(account=account)))


@pytest.mark.parametrize("role", ROLES)
def test_the_rights_that_kull_definitions_gives_are_neither_more_nor_less(role: str) -> None:
    assert bad(checked(role)) == []


@pytest.mark.parametrize("right", ["configure", "write", "read"])
def test_each_right_that_is_lacking_or_too_much_is_told(right: str) -> None:
    lacking = only(checked(rights={**ROLES["router"], right: "^$"}))
    beyond = bad(checked("producer", rights={**ROLES["producer"], right: ".*"}))

    assert lacking[0] == "error"
    assert f"lacks the right to {right} kull." in lacking[1]
    assert [severity for severity, _ in beyond] == ["warning"]
    assert f"may {right} " in beyond[0][1]


def test_no_rights_at_all_and_broken_patterns_grant_nothing() -> None:
    for nothing in ("", "("):
        found = bad(checked(rights=dict.fromkeys(ROLES["router"], nothing)))
        assert [severity for severity, _ in found] == ["error"] * 3


def test_an_administrator_is_too_much_for_any_role() -> None:
    assert "management" in only(checked(tags=["administrator"]))[1]


def test_without_the_management_only_what_was_tried_is_told() -> None:
    found = checked(rights=None, made=["queues named doctor-…"])

    assert only(found)[0] == "warning"
    assert found[-1].severity is Severity.SKIPPED
