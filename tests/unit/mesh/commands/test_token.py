from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from kull_gateway import service_auth
from kull_gateway.auth import Forbidden
from kull_mesh import secrets
from kull_mesh.settings import MeshSettings
from tests.unit.mesh.conftest import Kull


def test_token_prints_only_the_token(kull: Kull, home: Path) -> None:
    ran = kull("token", "--user", "maya", "--device", "mac", "--ttl", "15m", "--name", "Mac")

    claims = jwt.decode(ran.out.strip(), secrets.load(MeshSettings()).device, ["HS256"])
    assert ran.err == ""
    assert claims["exp"] - claims["iat"] == 900
    assert (claims["sub"], claims["device"], claims["name"]) == ("maya", "mac", "Mac")
    assert "platform" not in claims


def test_a_token_grants_rooms_with_the_rights_that_were_named(kull: Kull, home: Path) -> None:
    ran = kull("token", "--user", "maya", "--room", "a=b=read,write,presence", "--room", "team")

    claims = jwt.decode(ran.out.strip(), secrets.load(MeshSettings()).device, ["HS256"])
    assert claims["rooms"] == {"a=b": ["read", "write", "presence"], "team": ["presence", "read"]}


def test_a_token_with_rights_that_do_not_exist_is_not_made(kull: Kull, home: Path) -> None:
    assert "read is always among them" in kull("token", "--user", "m", "--room", "a=write").err
    assert "the rights are" in kull("token", "--user", "m", "--room", "a=read,admin").err


def test_a_service_token_opens_only_what_its_scopes_name(kull: Kull, home: Path) -> None:
    ran = kull("service-token", "--name", "billing", "--scope", "credit:write")

    authorize = service_auth(secrets.load(MeshSettings()).service)
    assert authorize(f"Bearer {ran.out.strip()}", "credit:write").service == "billing"
    with pytest.raises(Forbidden):
        authorize(f"Bearer {ran.out.strip()}", "shoot:write")


def test_a_service_token_may_have_the_scopes_of_own_event_types(
    kull: Kull, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no scope 'collection:write'" in kull("service-token", "--scope", "collection:write").err
    monkeypatch.setenv("KULL_EVENTS_MODULES", "gallery.events")

    ran = kull("service-token", "--scope", "collection:write")

    authorize = service_auth(secrets.load(MeshSettings()).service)
    assert authorize(f"Bearer {ran.out.strip()}", "collection:write").service == "service"
