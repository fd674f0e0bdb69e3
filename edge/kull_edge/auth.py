"""Reads a token just far enough to know whose it is. PURE but for the random device id.

Nothing here is verified: the user's router checks the signature before it binds a queue.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any, Final

import jwt

from kull_edge.errors import BadToken

MAX_TOKEN_CHARS: Final = 4096
MAX_ID_CHARS: Final = 100
MAX_ADDRESS_BYTES: Final = 128
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a token claims to be.

    Attributes:
        user_id: the user.
        device_id: the device, from the token or generated here.
        ephemeral: whether the device id was generated.
    """

    user_id: str
    device_id: str
    ephemeral: bool


def read_token(token: str, *, allow_plain: bool) -> Identity:
    """Return the identity that a token claims.

    Raises:
        BadToken: it is no JWT (nor, if allowed, `userId[:deviceId]`), or an id is not acceptable.
    """
    if not token or len(token) > MAX_TOKEN_CHARS:
        raise BadToken(f"a token has 1 to {MAX_TOKEN_CHARS} characters")
    if token.count(".") == 2 and (claims := _claims(token)) is not None:
        user_id, device_id = claims.get("sub"), claims.get("device")
    elif allow_plain:
        user_id, _, plain_device = token.partition(":")
        device_id = plain_device if ":" in token else None
    else:
        raise BadToken("the token is not a JWT: get one from your application's server")
    if device_id is None:
        return Identity(
            user_id=_user(user_id), device_id=f"web-{secrets.token_urlsafe(12)}", ephemeral=True
        )
    return Identity(user_id=_user(user_id), device_id=_id("device id", device_id), ephemeral=False)


def _claims(token: str) -> dict[str, Any] | None:
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None


def _user(value: object) -> str:
    user_id = _id("user id", value)
    if len(f"user:{user_id}".encode()) > MAX_ADDRESS_BYTES:
        raise BadToken(f"the user id has more than {MAX_ADDRESS_BYTES - 5} bytes in UTF-8")
    return user_id


def _id(what: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BadToken(f"the token's {what} is missing, empty or not a string")
    if len(value) > MAX_ID_CHARS:
        raise BadToken(
            f"the token's {what} has {len(value)} characters, at most {MAX_ID_CHARS} may be"
        )
    if _CONTROL.search(value):
        raise BadToken(f"the token's {what} holds control characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadToken(f"the token's {what} holds a lone surrogate") from None
    return value
