"""Who may call the HTTP triggers.

A caller shows a service key (`keys.py`) or a service token: a JWT, signed HS256, with the audience
`kull-service`, the service's name in `sub` and its scopes, separated by spaces, in `scope`.
A device token is neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt

from kull_producers.contract.device_tokens import HS256
from kull_producers.contract.limits import MIN_SECRET_BYTES
from kull_producers.errors import InvalidEvent
from kull_producers.events.catalogue import Catalogue
from kull_producers.events.models import EVENTS
from kull_producers.events.stamp import check_app_id

AUDIENCE: Final = "kull-service"
TOKEN_MINT: Final = "token:mint"  # noqa: S105 - a scope, not a secret
PRESENCE_READ: Final = "presence:read"
METRICS_READ: Final = "metrics:read"  # of `kull up`, whose port everybody reaches
EVENT_SCOPES: Final = EVENTS.scopes
CONSOLE_READ: Final = "console:read"
CONSOLE_ACT: Final = "console:act"
# The console takes keys alone, no tokens.
_OTHER_SCOPES: Final = (TOKEN_MINT, PRESENCE_READ, METRICS_READ, CONSOLE_READ, CONSOLE_ACT)
SCOPES: Final = (*EVENT_SCOPES, *_OTHER_SCOPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: `service` owns idempotency keys, `id` tells one credential from another."""

    service: str
    id: str


def scopes_of(events: Catalogue) -> tuple[str, ...]:
    """Return the scopes that keys and tokens may have where these event types are known."""
    return (*events.scopes, *_OTHER_SCOPES)


Authorize = Callable[[str, str], Caller]
"""Takes an Authorization header and a scope, returns the caller; or Unauthorized, Forbidden."""


class Unauthorized(Exception):
    """No valid service key or token; the text says what to do and never holds a credential."""


class Forbidden(Exception):
    """The credential is valid, but not for this."""


def service_token(
    secret: str,
    *,
    service: str = "service",
    scopes: Sequence[str] = EVENT_SCOPES,
    ttl: float = 900,
    now: float | None = None,
) -> str:
    """Return a new token. `ttl` is in seconds, `now` in seconds since the Unix epoch."""
    issued = time.time() if now is None else now
    claims = {
        "sub": service,
        "aud": AUDIENCE,
        "scope": " ".join(scopes),
        "iat": int(issued),
        "exp": int(issued + ttl),
    }
    return jwt.encode(claims, _checked(secret), algorithm=HS256)


def service_auth(secret: str) -> Authorize:
    """Return what verifies the tokens that were signed with this secret."""
    key = _checked(secret)

    def authorize(authorization: str, scope: str) -> Caller:
        claims = _claims(bearer(authorization), key)
        granted = claims.get("scope", "")
        check_scope(scope, granted.split() if isinstance(granted, str) else ())
        service = _service(claims["sub"])
        return Caller(service=service, id=f"token:{service}")

    return authorize


def open_auth(checked: Authorize, events: Catalogue = EVENTS) -> Authorize:
    """Let callers publish who show nothing: for demos. Who shows something is checked as ever."""

    def authorize(authorization: str, scope: str) -> Caller:
        if authorization or scope not in events.scopes:  # a token would outlive the demo
            return checked(authorization, scope)
        return Caller(service="anyone", id="anyone")

    return authorize


def bearer(authorization: str) -> str:
    """Return what follows `Bearer` in an Authorization header. Raises Unauthorized."""
    kind, _, credential = authorization.partition(" ")
    if kind.lower() != "bearer" or not credential.strip():
        raise Unauthorized("send `Authorization: Bearer <service key or token>`")
    return credential.strip()


def check_scope(scope: str, granted: Collection[str]) -> None:
    """Raise Forbidden unless the scope is granted."""
    if scope not in granted:
        raise Forbidden(f"this service lacks the scope {scope!r}: get a key or token that has it")


def _claims(token: str, key: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[HS256],
            audience=AUDIENCE,
            options={"require": ["exp", "sub", "aud"]},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthorized("the service token has expired: get a new one") from None
    except jwt.InvalidTokenError as error:
        # Only the kind of error: its text may quote parts of the token.
        raise Unauthorized(
            f"the service token is not valid here ({type(error).__name__}): it must be signed with "
            f"this deployment's service secret for the audience {AUDIENCE!r}"
        ) from None
    return claims


def _service(subject: object) -> str:
    try:
        service = check_app_id(subject if isinstance(subject, str) else "")
    except InvalidEvent as error:
        raise Unauthorized(f"the service token's sub is no name of a service: {error}") from None
    if not service:
        raise Unauthorized("the service token's sub is no name of a service: it is empty")
    return service


def _checked(secret: str) -> str:
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"the service secret must have at least {MIN_SECRET_BYTES} bytes")
    return secret
