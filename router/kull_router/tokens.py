"""Device tokens: who is connecting. PURE.

The router verifies every token itself; an edge's word is not believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import jwt

from kull_producers import address
from kull_producers.errors import InvalidAddress
from kull_router.errors import ConfigError, TokenRefused

BAD_TOKEN: Final = 4500  # close codes of docs/protocol.md
TOKEN_EXPIRED: Final = 4501
MAX_MS: Final = 2**53  # milliseconds since the Unix epoch that every client can count
MAX_ID: Final = 100  # characters of a device id
MAX_NAME: Final = 64
MAX_PLATFORM: Final = 32
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified token says. `device` is empty when the token names none."""

    user: str
    device: str = ""
    name: str = ""
    platform: str = ""
    expires_ms: int = 0  # since the Unix epoch, 0: never


class TokenVerifier:
    """Verifies tokens with one HS256 secret; plain tokens only where they are allowed."""

    def __init__(self, secret: str | None, *, allow_plain: bool) -> None:
        if secret is not None and len(secret.encode()) < 32:
            raise ConfigError("KULL_TOKEN_SECRET is too short: use at least 32 bytes")
        if secret is None and not allow_plain:
            raise ConfigError("no device could connect: set KULL_TOKEN_SECRET (at least 32 bytes)")
        self._secret = secret
        self._allow_plain = allow_plain

    def verify(self, token: str, now_ms: int) -> Claims:
        """Return the token's claims.

        Raises:
            TokenRefused: with the close code and a reason fit for the device.
        """
        # Two dots make a JWT; a plain user id with two dots needs a real token.
        if self._allow_plain and token.count(".") != 2:
            user, _, device = token.partition(":")
            return _checked(Claims(user=user, device=device))
        claims = _checked(self._decode(token))
        if claims.expires_ms <= now_ms:
            raise TokenRefused(TOKEN_EXPIRED, "the token has expired: get a new one")
        return claims

    def _decode(self, token: str) -> Claims:
        if self._secret is None:
            raise TokenRefused(BAD_TOKEN, "signed tokens are not configured here")
        try:
            payload: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                # The clock is ours, so that a simulation can move it.
                options={
                    "require": ["sub", "exp"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            expires_ms = _milliseconds(payload["exp"])
        except (jwt.InvalidTokenError, ValueError, OverflowError, TypeError) as error:
            raise TokenRefused(BAD_TOKEN, f"the token is not valid: {_why(error)}") from error
        optional = {name: payload.get(name, "") for name in ("device", "name", "platform")}
        if not all(isinstance(value, str) for value in optional.values()):
            raise TokenRefused(BAD_TOKEN, "the token's device, name and platform must be strings")
        return Claims(user=payload["sub"], expires_ms=expires_ms, **optional)


def _milliseconds(seconds: Any) -> int:
    milliseconds = int(float(seconds) * 1000)
    if not 0 < milliseconds < MAX_MS:
        raise ValueError("exp is no time of this millennium")
    return milliseconds


def _why(error: Exception) -> str:
    if isinstance(error, jwt.InvalidSignatureError):
        return "its signature does not match"
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"it lacks the claim '{error.claim}'"
    if isinstance(error, jwt.InvalidAudienceError):
        return "it is for another service"
    if isinstance(error, jwt.InvalidAlgorithmError):
        return "its algorithm is not allowed"
    return "it is malformed (plain tokens are off; see KULL_ALLOW_PLAIN_TOKENS)"


def _checked(claims: Claims) -> Claims:
    try:
        address.user(claims.user)
    except InvalidAddress as error:
        raise TokenRefused(BAD_TOKEN, f"the token's user id is not usable: {error}") from error
    check_device_id(claims.device)
    return claims


def check_device_id(device: str) -> None:
    """Raise TokenRefused unless this can be a device id (or is empty)."""
    if len(device) > MAX_ID or _CONTROL.search(device) or plain_text(device, MAX_ID) != device:
        raise TokenRefused(
            BAD_TOKEN, f"the device id is not usable: at most {MAX_ID} characters, no control ones"
        )


def plain_text(text: str, limit: int) -> str:
    """Return text fit to show and to store: no control characters, no lone surrogates, cut."""
    return _CONTROL.sub("", text).encode(errors="ignore").decode()[:limit]
