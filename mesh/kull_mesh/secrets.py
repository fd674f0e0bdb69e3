"""The keys that tokens are signed with."""

from __future__ import annotations

import hashlib
import hmac
import math
import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from kull_gateway import Minter, SigningKey, SigningKeyError
from kull_mesh.errors import MeshError
from kull_mesh.settings import MeshSettings
from kull_protos.contract.limits import DEFAULT_TOKEN_TTL, MIN_SECRET_BYTES


@dataclass(frozen=True, slots=True)
class Keys:
    """HS256 keys.

    Attributes:
        device: signs device tokens.
        service: signs what services show to the HTTP triggers.
        signing_key: private key that signs device tokens instead, None: `device` does.
        audience, issuer: of device tokens; empty: none.
        made_in: where the development secret lies, None if KULL_TOKEN_SECRET is used.
    """

    device: str = field(repr=False)
    service: str = field(repr=False)
    made_in: Path | None = None
    signing_key: Path | None = None
    audience: str = ""
    issuer: str = ""


def load(settings: MeshSettings) -> Keys:
    """Return the keys; without KULL_TOKEN_SECRET those of the development secret in KULL_HOME.

    That secret is made once, readable by its owner only. Raises MeshError.
    """
    made_in = None
    if settings.token_secret is not None:
        device = _long_enough(settings.token_secret, "KULL_TOKEN_SECRET")
    else:
        made_in = settings.home / "development-secret"
        try:
            device = _read_or_make(made_in)
        except OSError as error:
            raise MeshError(
                f"cannot keep a development secret in {made_in}: {error.strerror}; "
                "set KULL_TOKEN_SECRET or KULL_HOME"
            ) from error
        if len(device.encode()) < MIN_SECRET_BYTES:
            raise MeshError(f"{made_in} holds no secret: delete it, and a new one is made")
    if settings.service_secret is not None:
        service = _long_enough(settings.service_secret, "KULL_SERVICE_SECRET")
    else:
        service = hmac.new(device.encode(), b"kull-service", hashlib.sha256).hexdigest()
    return Keys(
        device,
        service,
        made_in,
        signing_key=settings.token_signing_key,
        audience=settings.token_audience,
        issuer=settings.token_issuer,
    )


def _long_enough(secret: SecretStr, variable: str) -> str:
    value = secret.get_secret_value()
    if len(value.encode()) < MIN_SECRET_BYTES:
        raise MeshError(f"{variable} is too short: use at least {MIN_SECRET_BYTES} bytes")
    return value


def _read_or_make(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Complete before it has its name: two processes may come here at once.
        descriptor, fresh = tempfile.mkstemp(dir=path.parent)  # readable by its owner only
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(fresh, path)
        Path(fresh).unlink()
    return path.read_text().strip()


def device_token(
    keys: Keys,
    *,
    user: str,
    device: str = "",
    ttl: float,
    name: str = "",
    platform: str = "",
    rooms: Sequence[str] | Mapping[str, Sequence[str]] = (),
    contacts: Sequence[str] = (),
    rights: Sequence[str] | None = None,
) -> str:
    """Return a signed device token. `ttl` is in seconds; The rest: see `Minter.mint`."""
    minted = minter(keys, max_ttl=math.inf).mint(
        user=user,
        device=device,
        name=name,
        platform=platform,
        rooms=rooms,
        contacts=contacts,
        rights=rights,
        ttl=ttl,
    )
    return minted.token


def minter(keys: Keys, *, max_ttl: float = DEFAULT_TOKEN_TTL) -> Minter:
    """Return what signs device tokens. `max_ttl` is in seconds. Raises MeshError."""
    try:
        if keys.signing_key is not None:
            key = SigningKey.from_pem(keys.signing_key)
        else:
            key = SigningKey.shared(keys.device)
    except SigningKeyError as error:
        raise MeshError(str(error)) from error
    return Minter(key, audience=keys.audience, issuer=keys.issuer, max_ttl=max_ttl)
