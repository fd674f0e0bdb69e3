"""Service keys: long-lived credentials of services, kept as hashes in one file.

A key is `kull_<id>_<secret>`; the file holds the SHA-256 of the secret, which is enough for 256
random bits. The gateway looks at the file again when it has changed: keys are added and revoked
while it runs.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from kull_gateway.auth import (
    SCOPES,
    Authorize,
    Caller,
    Unauthorized,
    bearer,
    check_scope,
)
from kull_producers.errors import InvalidEvent
from kull_producers.events.stamp import check_app_id

log = structlog.get_logger(__name__)

PREFIX: Final = "kull_"
LOOK_EVERY: Final = 0.25  # seconds between looks at the file
_KEY: Final = re.compile(r"kull_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class KeyFileError(OSError):
    """The file of the service keys cannot be used; the text says why."""


class ServiceKey(BaseModel):
    """One key as it is stored. Times are seconds since the Unix epoch."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: str = Field(pattern=r"^[0-9a-f]{12}$")
    service: str = Field(min_length=1, max_length=100)
    scopes: list[str]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    created: int
    expires: int | None = None

    @field_validator("service")
    @classmethod
    def _check_service(cls, service: str) -> str:
        try:
            return check_app_id(service)
        except InvalidEvent as error:
            raise ValueError(str(error)) from None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    keys: list[ServiceKey] = []


def read(path: Path) -> list[ServiceKey]:
    """Return the keys in a file; none if it does not exist. Raises KeyFileError."""
    try:
        return _File.model_validate_json(path.read_bytes()).keys
    except FileNotFoundError:
        return []
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise KeyFileError(f"{path} is no file of service keys: {where}: {first['msg']}") from None
    except OSError as error:
        raise KeyFileError(f"cannot read the service keys in {path}: {error.strerror}") from error


def add(
    path: Path,
    *,
    service: str,
    scopes: Sequence[str],
    known: Sequence[str] = SCOPES,
    ttl: float | None = None,
    now: float | None = None,
) -> str:
    """Make a key, store its hash, and return it: it is shown this once.

    Args:
        path: the file; made if it does not exist, readable by its owner only.
        service: who uses the key.
        scopes: what the key is for.
        known: the scopes that there are, see `auth.scopes_of`.
        ttl: seconds that it is valid; None: until it is revoked.
        now: seconds since the Unix epoch.

    Raises:
        KeyFileError: the file cannot be used.
        ValueError: there is no such scope.
    """
    unknown = sorted(set(scopes) - set(known))
    if unknown or not scopes:
        raise ValueError(f"the scopes are {', '.join(known)}; choose at least one of them")
    created = time.time() if now is None else now
    secret = secrets.token_urlsafe(32)
    key = ServiceKey(
        id=secrets.token_hex(6),
        service=service,
        scopes=list(dict.fromkeys(scopes)),
        sha256=_hash(secret),
        created=int(created),
        expires=None if ttl is None else int(created + ttl),
    )
    _write(path, [*read(path), key])
    return f"{PREFIX}{key.id}_{secret}"


def revoke(path: Path, key_id: str) -> ServiceKey:
    """Remove a key and return it. Raises KeyFileError; KeyError if there is none of this id."""
    keys = read(path)
    found = next((key for key in keys if key.id == key_id), None)
    if found is None:
        raise KeyError(key_id)
    _write(path, [key for key in keys if key is not found])
    return found


def key_auth(
    path: Path,
    *,
    tokens: Authorize | None = None,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> Authorize:
    """Return what verifies the keys in a file; what is no key is left to `tokens`, if given.

    Args:
        path: the file, read now and whenever it has changed.
        tokens: verifies service tokens.
        now: seconds since the Unix epoch, for expiry.
        clock: seconds, for the looks at the file.

    Raises KeyFileError if the file cannot be read now. Later the keys known so far stay valid.
    """
    ring = KeyRing(path, now=now, clock=clock)

    def authorize(authorization: str, scope: str) -> Caller:
        credential = bearer(authorization)
        if tokens and not credential.startswith(PREFIX):
            return tokens(authorization, scope)
        key = ring.find(credential)
        check_scope(scope, key.scopes)
        return Caller(service=key.service, id=f"key:{key.id}")

    return authorize


class KeyRing:
    """The keys of a file, as new as its last change.

    Args:
        path: the file, read now and whenever it has changed.
        now: seconds since the Unix epoch, for expiry.
        clock: seconds, for the looks at the file.

    Raises KeyFileError if the file cannot be read now. Later the keys known so far stay valid.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._now = now
        self._clock = clock
        self._seen = _version(path)
        self._keys = {key.id: key for key in read(path)}
        self._look_at = clock() + LOOK_EVERY

    def find(self, credential: str) -> ServiceKey:
        """Return the key that a caller shows. Raises Unauthorized: it is none, or over."""
        key = _find(self.keys(), credential)
        if self.is_over(key):
            raise Unauthorized("the service key has expired: ask for a new one")
        return key

    def claimed(self, credential: str) -> str:
        """Return the id that a credential bears, right or wrong; empty: no key has it."""
        match = _KEY.fullmatch(credential)
        return match[1] if match and match[1] in self.keys() else ""

    def is_over(self, key: ServiceKey) -> bool:
        """Return whether a key has expired."""
        return key.expires is not None and key.expires <= self._now()

    def keys(self) -> dict[str, ServiceKey]:
        """Return all keys by their ids, those that have expired too."""
        if self._clock() >= self._look_at:
            self._look_at = self._clock() + LOOK_EVERY
            version = _version(self._path)
            if version != self._seen:
                self._reload(version)
        return self._keys

    def _reload(self, version: tuple[int, ...]) -> None:
        try:
            self._keys = {key.id: key for key in read(self._path)}
        except KeyFileError as error:
            log.error("service_keys_not_read", why=str(error))
            return  # looked at again: the keys known so far stay valid
        self._seen = version
        log.info("service_keys_read", keys=len(self._keys))


def _find(keys: dict[str, ServiceKey], credential: str) -> ServiceKey:
    match = _KEY.fullmatch(credential)
    key = keys.get(match[1]) if match else None
    # Compared in any case: the time tells nobody whether an id exists.
    if not hmac.compare_digest(_hash(match[2] if match else ""), key.sha256 if key else "0" * 64):
        raise Unauthorized("the service key is not valid here: it is wrong or revoked")
    if key is None:
        raise Unauthorized("the service key is not valid here: it is wrong or revoked")
    return key


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _version(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _write(path: Path, keys: list[ServiceKey]) -> None:
    """Replace the file as a whole: a reader sees the old one or the new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, fresh = tempfile.mkstemp(dir=path.parent)  # readable by its owner only
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(_File(keys=keys).model_dump_json(indent=2) + "\n")
            if path.exists():
                Path(fresh).chmod(path.stat().st_mode & 0o777)
            Path(fresh).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(fresh).unlink()
            raise
    except OSError as error:
        raise KeyFileError(f"cannot keep service keys in {path}: {error.strerror}") from error
