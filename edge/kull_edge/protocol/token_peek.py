"""Reads a token just far enough to know whose it is. PURE.

Nothing here is verified: the user's router checks the signature before it binds a queue.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Final

import jwt

from kull_edge.errors import BadToken
from kull_edge.protocol.messages import MAX_ADDRESS_BYTES, MAX_ID_CHARS, MAX_TOKEN_CHARS

_TOO_LONG: Final = (
    "the token's {} is too long ({} characters): ids have at most "
    f"{MAX_ID_CHARS} characters, a user id and its prefix 'user:' at most {MAX_ADDRESS_BYTES} bytes"
)
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


def read_token(token: str, *, allow_plain: bool, rng: random.Random, asked: str = "") -> Identity:
    """Return the identity that a token claims; `rng` draws a device id if it names none.

    asked: the id that the device gives itself; empty: none. The token must name the same one.

    Raises:
        BadToken: it is no JWT (nor, if allowed, `userId[:deviceId]`), or an id is not acceptable.
    """
    if len(token) > MAX_TOKEN_CHARS:
        raise BadToken(f"the token has more than {MAX_TOKEN_CHARS} characters")
    user_id, device_id = _jwt(token) or _plain(token, allowed=allow_plain)
    if asked and asked != device_id:
        named = "names another device" if device_id else "names no device"
        raise BadToken(f"the token {named}, not the deviceId of this one: get a token for it")
    if device_id is None:
        generated = f"web-{rng.getrandbits(96):024x}"
        return Identity(user_id=_user(user_id), device_id=generated, ephemeral=True)
    return Identity(user_id=_user(user_id), device_id=_id("device id", device_id), ephemeral=False)


def _jwt(token: str) -> tuple[object, object] | None:
    if token.count(".") != 2:
        return None
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None
    return claims.get("sub"), claims.get("device")


def _plain(token: str, *, allowed: bool) -> tuple[object, object]:
    if not allowed:
        raise BadToken(
            "the token is malformed: it is no JWT, and plain ids are accepted only where "
            "KULL_ALLOW_PLAIN_TOKENS is on"
        )
    user_id, colon, device_id = token.partition(":")
    return user_id, device_id if colon else None


def _user(value: object) -> str:
    user_id = _id("user id", value)
    if len(f"user:{user_id}".encode()) > MAX_ADDRESS_BYTES:
        raise BadToken(_TOO_LONG.format("user id", len(user_id)))
    return user_id


def _id(what: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BadToken(f"the token's {what} is missing, empty or not a string")
    if len(value) > MAX_ID_CHARS:
        raise BadToken(_TOO_LONG.format(what, len(value)))
    if _CONTROL.search(value):
        raise BadToken(f"the token's {what} holds control characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadToken(f"the token's {what} holds a lone surrogate") from None
    return value
