"""Service keys: hashed, scoped, rotated while the gateway runs."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kull_gateway import Forbidden, Unauthorized, key_auth, service_auth, service_token
from kull_gateway.keys import LOOK_EVERY, KeyFileError, KeyRing, add, read, revoke

SECRET = "a-service-secret-of-32-bytes-or-more"
WRITE = "credit:write"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def look(self) -> None:
        self.now += LOOK_EVERY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "keys.json"


def test_a_key_opens_what_its_scopes_name_and_nothing_else(path: Path) -> None:
    key = add(path, service="billing", scopes=[WRITE])
    authorize = key_auth(path)

    assert authorize(f"Bearer {key}", WRITE).service == "billing"
    with pytest.raises(Forbidden, match="shoot:write"):
        authorize(f"Bearer {key}", "shoot:write")


def test_the_file_holds_no_secret_and_is_its_owners_alone(path: Path) -> None:
    key = add(path, service="billing", scopes=[WRITE])

    assert key.split("_", 2)[2] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_keys_come_and_go_while_the_gateway_runs(path: Path) -> None:
    clock = Clock()
    authorize = key_auth(path, clock=clock)

    key = add(path, service="billing", scopes=[WRITE])
    clock.look()
    assert authorize(f"Bearer {key}", WRITE).service == "billing"

    revoke(path, read(path)[0].id)
    clock.look()
    with pytest.raises(Unauthorized, match="wrong or revoked"):
        authorize(f"Bearer {key}", WRITE)


def test_a_file_broken_by_hand_takes_no_rights_away_and_is_logged(path: Path) -> None:
    clock = Clock()
    key = add(path, service="billing", scopes=[WRITE])
    authorize = key_auth(path, clock=clock)

    path.write_text("{")
    clock.look()
    with capture_logs() as logs:
        assert authorize(f"Bearer {key}", WRITE).service == "billing"

    assert [line["event"] for line in logs] == ["service_keys_not_read"]
    with pytest.raises(KeyFileError, match="is no file of service keys"):
        key_auth(path)


def test_a_key_is_worth_nothing_from_its_expiry_on(path: Path) -> None:
    key = add(path, service="billing", scopes=[WRITE], ttl=60, now=1000)

    assert key_auth(path, now=lambda: 1059)(f"Bearer {key}", WRITE)
    with pytest.raises(Unauthorized, match="has expired"):
        key_auth(path, now=lambda: 1060)(f"Bearer {key}", WRITE)


@pytest.mark.parametrize(
    "credential",
    ["kull_", "kull_000000000000_" + "A" * 43, "kull_../../etc_x", "nonsense", "kull_\u0660_"],
)
def test_anything_else_is_refused(path: Path, credential: str) -> None:
    add(path, service="billing", scopes=[WRITE])

    with pytest.raises(Unauthorized):
        key_auth(path)(f"Bearer {credential}", WRITE)


def test_a_key_with_another_keys_secret_is_refused(path: Path) -> None:
    one, two = (add(path, service=name, scopes=[WRITE]) for name in ("a", "b"))
    mixed = "_".join([*one.split("_", 2)[:2], two.split("_", 2)[2]])

    with pytest.raises(Unauthorized):
        key_auth(path)(f"Bearer {mixed}", WRITE)


def test_service_tokens_go_on_beside_keys(path: Path) -> None:
    authorize = key_auth(path, tokens=service_auth(SECRET))

    assert authorize(f"Bearer {service_token(SECRET, service='demo')}", WRITE).service == "demo"


def test_a_scope_that_does_not_exist_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="token:mint"):
        add(path, service="billing", scopes=["credit:read"])
    assert not path.exists()


def test_a_credential_is_told_from_others_by_the_id_it_bears_right_or_wrong(path: Path) -> None:
    key = add(path, service="anna", scopes=["console:read"])
    ring = KeyRing(path)
    key_id = key.split("_")[1]

    assert ring.claimed(key) == ring.claimed(f"kull_{key_id}_{'x' * 43}") == key_id
    assert ring.claimed(f"kull_{'0' * 12}_{'x' * 43}") == ring.claimed("nonsense") == ""
