"""Whose environment this is, and where to look from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kull_gateway import keys
from kull_mesh.doctor.target import Target, target_of


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULL_HOME", str(tmp_path))
    monkeypatch.delenv("KULL_AMQP_URL", raising=False)
    return tmp_path


def found(**options: Any) -> Target:
    usual: dict[str, Any] = {
        "role": None, "routers": "", "edges": (), "http": "", "rabbitmq_api": ""
    }  # fmt: skip
    return target_of(**{**usual, **options})


def test_a_consoles_environment_is_known_by_the_routers_that_it_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KULL_CONSOLE_ROUTERS", "r-1:7400, r-2:7400")

    target = found()

    assert (target.role, target.routers) == ("console", ["r-1:7400", "r-2:7400"])
    assert (target.amqp_url, target.has_store) == ("", False)


def test_a_console_that_is_beside_something_else_does_not_make_it_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KULL_CONSOLE_PORT", "5080")

    assert found().role == "up"
    assert found(role="console").role == "console"


def test_it_is_seen_whether_somebody_could_sign_in_to_a_console(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not found(role="console").configured().operators
    assert found(role="router").configured().operators, "which is none"

    keys.add(home / "service-keys.json", service="anna", scopes=["console:read"])
    assert found(role="console").configured().operators


def test_settings_of_a_console_that_are_wrong_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULL_CONSOLE_PORT", "99999")

    assert any("KULL_CONSOLE_PORT" in each for each in found(role="console").problems)
    assert not any("KULL_CONSOLE_PORT" in each for each in found(role="edge").problems)
