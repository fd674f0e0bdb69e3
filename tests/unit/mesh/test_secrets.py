"""Keys, and where they come from."""

from __future__ import annotations

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from kull_gateway import service_auth, service_token
from kull_mesh import secrets
from kull_mesh.errors import MeshError
from kull_mesh.settings import MeshSettings
from kull_router.access.tokens import Claims, TokenVerifier
from kull_router.errors import TokenRefused

LONG = "x" * 32


def settings(home: Path, **values: str) -> MeshSettings:
    given: dict[str, Any] = {name: SecretStr(value) for name, value in values.items()}
    return MeshSettings(home=home, **given)


def test_a_development_secret_is_made_once_and_shared(tmp_path: Path) -> None:
    first, second = secrets.load(settings(tmp_path)), secrets.load(settings(tmp_path))

    assert first == second
    assert len(first.device) >= 32
    assert first.made_in == tmp_path / "development-secret"


def test_only_its_owner_can_read_the_development_secret(tmp_path: Path) -> None:
    made_in = secrets.load(settings(tmp_path / "deep" / "er")).made_in

    assert made_in is not None
    assert stat.S_IMODE(made_in.stat().st_mode) == 0o600


def test_two_processes_that_start_at_once_get_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: secrets.load(settings(tmp_path)), range(8)))

    assert len({keys.device for keys in loaded}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["development-secret"]


def test_a_configured_secret_leaves_no_file(tmp_path: Path) -> None:
    keys = secrets.load(settings(tmp_path, token_secret=LONG))

    assert (keys.device, keys.made_in) == (LONG, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "variable"),
    [
        ({"token_secret": "short"}, "KULL_TOKEN_SECRET"),
        ({"token_secret": LONG, "service_secret": "short"}, "KULL_SERVICE_SECRET"),
    ],
)
def test_a_short_secret_is_refused_by_name(
    tmp_path: Path, values: dict[str, str], variable: str
) -> None:
    with pytest.raises(MeshError, match=f"{variable} is too short: use at least 32 bytes"):
        secrets.load(settings(tmp_path, **values))


def test_an_empty_development_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "development-secret").touch()

    with pytest.raises(MeshError, match="holds no secret: delete it"):
        secrets.load(settings(tmp_path))


def test_a_home_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(MeshError, match="set KULL_TOKEN_SECRET or KULL_HOME"):
        secrets.load(settings(tmp_path / "file"))


def test_keys_do_not_show_themselves(tmp_path: Path) -> None:
    keys = secrets.load(settings(tmp_path, token_secret=LONG))

    assert LONG not in repr(keys)
    assert keys.service not in repr(keys)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_the_router_takes_the_device_token(tmp_path: Path) -> None:
    keys = secrets.load(settings(tmp_path))
    token = secrets.device_token(keys, user="maya", device="mac", ttl=60, name="Mac", platform="os")

    claims = TokenVerifier(keys.device, allow_plain=False).verify(token, now_ms())

    assert claims.token_id
    assert claims == Claims(
        user="maya",
        device="mac",
        name="Mac",
        platform="os",
        expires_ms=claims.issued_ms + 60_000,
        issued_ms=claims.issued_ms,
        token_id=claims.token_id,
    )


def test_a_device_token_is_no_service_token_and_the_other_way_round(tmp_path: Path) -> None:
    keys = secrets.load(settings(tmp_path))
    device = secrets.device_token(keys, user="maya", ttl=60)

    with pytest.raises(Exception, match="not valid"):
        service_auth(keys.service)(f"Bearer {device}", "credit:write")
    with pytest.raises(TokenRefused):
        TokenVerifier(keys.device, allow_plain=False).verify(service_token(keys.service), now_ms())
