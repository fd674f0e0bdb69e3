# Generated from protos/kull_protos/contract/addresses.py by `make contract`: do not edit.
"""How addresses are written: `user:<id>`, `room:<name>` or `all`. PURE."""

from __future__ import annotations

from typing import Final

USER: Final = "user:"
ROOM: Final = "room:"
ALL: Final = "all"


def of_user(user_id: str) -> str:
    """Return the address of one user's devices; the id is not looked at."""
    return USER + user_id


def of_room(name: str) -> str:
    """Return the address of a room; the name is not looked at."""
    return ROOM + name


def is_user(address: str) -> bool:
    """Return whether it is the address of a user's devices."""
    return address.startswith(USER)


def is_room(address: str) -> bool:
    """Return whether it is the address of a room."""
    return address.startswith(ROOM)
