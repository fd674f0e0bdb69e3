"""Service tokens: who may trigger which events over HTTP.

A service token is a JWT, signed HS256, with the audience `kull-service`, the service's name in
`sub` and its scopes, separated by spaces, in `scope`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import jwt

AUDIENCE: Final = "kull-service"
SHOOT_PROGRESS: Final = "shoot-progress"
CREDIT_UPDATE: Final = "credit-update"
PROMPT_CHANGE: Final = "prompt-change"
SCOPES: Final = (SHOOT_PROGRESS, CREDIT_UPDATE, PROMPT_CHANGE)
MIN_SECRET_BYTES: Final = 32

Authorize = Callable[[str, str], str]
"""Takes an Authorization header and a scope, returns the service; or Unauthorized, Forbidden."""


class Unauthorized(Exception):
    """No valid service token; the text says what to do and never holds the token."""


class Forbidden(Exception):
    """The token is valid but lacks the scope."""


def service_token(
    secret: str,
    *,
    service: str = "service",
    scopes: Sequence[str] = SCOPES,
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
    return jwt.encode(claims, _checked(secret), algorithm="HS256")


def service_auth(secret: str) -> Authorize:
    """Return what verifies the tokens that were signed with this secret."""
    key = _checked(secret)

    def authorize(authorization: str, scope: str) -> str:
        claims = _claims(authorization, key)
        granted = claims.get("scope", "")
        if not isinstance(granted, str) or scope not in granted.split():
            raise Forbidden(f"the service token lacks the scope {scope!r}: get one that has it")
        return str(claims["sub"])

    return authorize


def _claims(authorization: str, key: str) -> dict[str, Any]:
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Unauthorized("send `Authorization: Bearer <service token>`")
    try:
        claims: dict[str, Any] = jwt.decode(
            token.strip(),
            key,
            algorithms=["HS256"],
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


def _checked(secret: str) -> str:
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"the service secret must have at least {MIN_SECRET_BYTES} bytes")
    return secret
