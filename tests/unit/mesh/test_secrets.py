"""The keys that tokens are signed with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kull_mesh import secrets
from kull_mesh.errors import MeshError
from kull_mesh.settings import MeshSettings
from kull_producers.gateway import service_auth, service_token
from kull_router.errors import TokenRefused
from kull_router.tokens import TokenVerifier

SECRET = "a-secret-of-at-least-thirty-two-bytes"


def test_the_development_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    settings = MeshSettings(home=tmp_path / "new")

    first, second = secrets.load(settings), secrets.load(settings)

    assert first == second
    assert first.made_in
    assert first.made_in.stat().st_mode & 0o777 == 0o600


def test_processes_that_start_at_once_agree_on_the_development_secret(tmp_path: Path) -> None:
    settings = MeshSettings(home=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: secrets.load(settings), range(8)))

    assert len(set(keys)) == 1


def test_a_given_secret_wins_and_nothing_is_written(tmp_path: Path) -> None:
    keys = secrets.load(MeshSettings(home=tmp_path, token_secret=SECRET))

    assert keys.device == SECRET
    assert list(tmp_path.iterdir()) == []


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match="at least 32 bytes"):
        secrets.load(MeshSettings(home=tmp_path, token_secret="short"))


def test_a_home_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(MeshError, match="KULL_HOME"):
        secrets.load(MeshSettings(home=tmp_path / "file"))


def test_a_device_token_is_accepted_by_the_router_and_a_service_token_is_not(
    tmp_path: Path,
) -> None:
    keys = secrets.load(MeshSettings(home=tmp_path))
    verifier = TokenVerifier(keys.device, allow_plain=False)

    claims = verifier.verify(secrets.device_token(keys, user="maya", device="mac", ttl=60), 0)

    assert (claims.user, claims.device) == ("maya", "mac")
    with pytest.raises(TokenRefused):
        verifier.verify(service_token(keys.service), 0)


def test_a_device_token_never_works_as_a_service_token(tmp_path: Path) -> None:
    keys = secrets.load(MeshSettings(home=tmp_path))
    token = secrets.device_token(keys, user="maya", ttl=60)

    with pytest.raises(Exception, match="not valid here"):
        service_auth(keys.service)(f"Bearer {token}", "credit-update")


def test_keys_are_not_shown_when_printed(tmp_path: Path) -> None:
    keys = secrets.load(MeshSettings(home=tmp_path))

    assert keys.device not in repr(keys)
    assert keys.service not in repr(keys)
