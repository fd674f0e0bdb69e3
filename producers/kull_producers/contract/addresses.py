# Generated from protos/kull_protos/contract/addresses.py by `make contract`: do not edit.
"""How addresses are written: `user:<id>`, `room:<name>` or `all`. PURE."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from kull_producers.contract.limits import MAX_ADDRESS_BYTES, MAX_ESCAPED_BYTES, MAX_USER_ID_CHARS
from kull_producers.contract.texts import CONTROL

USER: Final = "user:"
ROOM: Final = "room:"
ALL: Final = "all"
_CONTROL: Final = re.compile(f"[{CONTROL}]")


def of_user(user_id: str) -> str:
    """Return the address of one user's devices; the id is not looked at."""
    return USER + user_id


def of_room(name: str) -> str:
    """Return the address of a room; the name is not looked at."""
    return ROOM + name


def problem(name: str) -> str:
    """Return what is wrong with a user's id or a room's name, empty if nothing is.

    Whoever takes an id asks here, so that none gets events that no device can come for.
    """
    try:
        size = len(of_user(name).encode())  # a room's prefix is as long
    except UnicodeEncodeError:
        return "holds a lone surrogate, which UTF-8 cannot carry"
    escaped = len(escape(name))
    if not name:
        return "is empty"
    if len(name) > MAX_USER_ID_CHARS:
        return f"has {len(name)} characters, at most {MAX_USER_ID_CHARS} are allowed"
    if size > MAX_ADDRESS_BYTES or escaped > MAX_ESCAPED_BYTES:
        return (
            f"has {size} bytes with its prefix, {escaped} once escaped; at most "
            f"{MAX_ADDRESS_BYTES}, {MAX_ESCAPED_BYTES} escaped, are allowed"
        )
    return "holds control characters" if _CONTROL.search(name) else ""


def escape(name: str) -> str:
    """Percent-encode all but A-Z a-z 0-9 _ - so that an id can never be a routing pattern."""
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")


def is_user(address: str) -> bool:
    """Return whether it is the address of a user's devices."""
    return address.startswith(USER)


def is_room(address: str) -> bool:
    """Return whether it is the address of a room."""
    return address.startswith(ROOM)
