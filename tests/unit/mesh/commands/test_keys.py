from __future__ import annotations

from pathlib import Path

import pytest

from kull_gateway import key_auth
from kull_gateway.auth import Unauthorized
from kull_mesh.settings import MeshSettings
from tests.unit.mesh.conftest import Kull


def test_a_service_key_is_shown_once_listed_and_revoked(kull: Kull, home: Path) -> None:
    key = kull("keys", "add", "billing", "--scope", "credit:write").out.strip()
    authorize = key_auth(MeshSettings().keys_file)
    assert authorize(f"Bearer {key}", "credit:write").service == "billing"

    shown = kull("keys", "list").out
    assert "billing" in shown
    assert key not in shown
    key_id = key.split("_")[1]
    assert key_id in shown

    assert kull("keys", "revoke", key_id).out == f"{key_id} of billing is revoked\n"
    with pytest.raises(Unauthorized):
        key_auth(MeshSettings().keys_file)(f"Bearer {key}", "credit:write")


def test_a_key_may_have_the_scopes_of_own_event_types(
    kull: Kull, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "choose at least one" in kull("keys", "add", "g", "--scope", "collection:write").err
    monkeypatch.setenv("KULL_EVENTS_MODULES", "gallery.events")

    key = kull("keys", "add", "gallery", "--scope", "collection:write").out.strip()
    all_of_events = kull("keys", "add", "other").out.strip()

    authorize = key_auth(MeshSettings().keys_file)
    assert authorize(f"Bearer {key}", "collection:write").service == "gallery"
    assert authorize(f"Bearer {all_of_events}", "notice:write").service == "other"
