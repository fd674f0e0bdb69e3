"""Device ids: those that tokens name, and those that an edge makes up. PURE."""

from __future__ import annotations

import random
from typing import Final

from kull_protos.contract import addresses
from kull_protos.contract.limits import MAX_DEVICE_ID_CHARS
from kull_protos.contract.texts import UNFIT

GENERATED: Final = "web-"  # the prefix of ids that an edge made up


def generate(rng: random.Random) -> str:
    """Return an id for a device whose token names none."""
    return f"{GENERATED}{rng.getrandbits(96):024x}"


def is_generated(device_id: str) -> bool:
    """Return whether an edge may have made it up."""
    return device_id.startswith(GENERATED)


def named_in(address: str, user_id: str, device_id: str) -> str:
    """Return how an entry of a queue names the device that must not get it.

    In a room the devices are of many users, whose ids for them may be the same ones.
    """
    in_room = addresses.is_room(address)
    return f"{addresses.escape(user_id)}/{device_id}" if in_room else device_id


def problem(device_id: str) -> str:
    """Return why a text is no device id, as the rest of a sentence; empty if it is one."""
    if not device_id:
        return "is empty"
    if len(device_id) > MAX_DEVICE_ID_CHARS:
        return f"is too long: at most {MAX_DEVICE_ID_CHARS} characters are allowed"
    if UNFIT.search(device_id):
        return "holds control characters"
    try:
        device_id.encode()
    except UnicodeEncodeError:
        return "holds a lone surrogate"
    return ""
