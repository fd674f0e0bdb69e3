"""Reads a token just far enough to know whose it is. PURE.

Nothing here is verified: the user's router checks the signature before it binds a queue.
"""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass
from functools import lru_cache

import jwt

from kull_edge.errors import BadToken
from kull_protos.contract import addresses, device_ids, device_tokens
from kull_protos.contract.limits import MAX_TOKEN_CHARS


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
        generated = device_ids.generate(rng)
        return Identity(user_id=_user(user_id), device_id=generated, ephemeral=True)
    return Identity(user_id=_user(user_id), device_id=_device(device_id), ephemeral=False)


def _jwt(token: str) -> tuple[object, object] | None:
    if token.count(".") != 2:
        return None
    header, payload, _ = token.split(".")
    try:
        _check_header(header)
        padded = payload + "=" * (-len(payload) % 4)
        claims = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    if not isinstance(claims, dict):
        return None
    return claims.get("sub"), claims.get(device_tokens.DEVICE)


@lru_cache(maxsize=64)  # an issuer writes the same header into each of its tokens
def _check_header(segment: str) -> None:
    """Raise PyJWTError unless this is a token's header."""
    jwt.get_unverified_header(f"{segment}..")


def _plain(token: str, *, allowed: bool) -> tuple[object, object]:
    if not allowed:
        raise BadToken(
            "the token is malformed: it is no JWT, and plain ids are accepted only where "
            "KULL_ALLOW_PLAIN_TOKENS is on"
        )
    user_id, colon, device_id = token.partition(":")
    return user_id, device_id if colon else None


def _user(value: object) -> str:
    user_id = _text("user id", value)
    if why := addresses.problem(user_id):
        raise BadToken(f"the token's user id {why}")
    return user_id


def _device(value: object) -> str:
    device_id = _text("device id", value)
    if why := device_ids.problem(device_id):
        raise BadToken(f"the token's device id {why}")
    return device_id


def _text(what: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BadToken(f"the token's {what} is missing, empty or not a string")
    return value
