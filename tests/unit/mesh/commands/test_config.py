from __future__ import annotations

import json

import pytest

from tests.unit.mesh.conftest import Kull


def test_config_masks_secrets_and_shows_what_is_set(
    kull: Kull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULL_TOKEN_SECRET", "s3cret" * 8)
    monkeypatch.setenv("KULL_AMQP_URL", "amqp://maya:hunter2@rabbit/")
    monkeypatch.setenv("KULL_EDGE_KEEPALIVE", "12.5")

    ran = kull("config", "--json")
    settings = {each["name"]: each for each in json.loads(ran.out)}

    assert "s3cret" not in ran.out
    assert "hunter2" not in ran.out
    assert settings["KULL_TOKEN_SECRET"] | {"description": ""} == {
        "role": "kull",
        "name": "KULL_TOKEN_SECRET",
        "value": "********",
        "set": True,
        "description": "",
    }
    assert settings["KULL_EDGE_KEEPALIVE"]["value"] == "12.5"
    assert settings["KULL_EDGE_KEEPALIVE"]["set"] is True
    assert settings["KULL_EDGE_PORT"]["set"] is False
    assert all(each["description"] for each in settings.values())


def test_config_reads_well_in_a_pipe_and_hides_the_same(
    kull: Kull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULL_AMQP_URL", "amqp://maya:hunter2@rabbit/")

    shown = kull("config").out

    assert "hunter2" not in shown
    assert "KULL_KEEP_ENTRIES_FOR" in shown
    assert "\x1b[" not in shown
