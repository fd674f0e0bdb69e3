"""Addresses: who an event is for. PURE."""

from __future__ import annotations

import re

from kull_producers.contract.addresses import ALL, ROOM, USER, escape, of_room, of_user, problem
from kull_producers.contract.shard import shard_of
from kull_producers.errors import InvalidAddress

_PLAIN = re.compile(f"(?:{USER}|{ROOM})[A-Za-z0-9_-]{{1,100}}")  # needs no closer look


def user(user_id: str) -> str:
    """Return the address of one user's devices.

    Raises:
        InvalidAddress: the id is empty, too long, or has control characters.
    """
    return check(of_user(user_id))


def room(name: str) -> str:
    """Return the address of a room. Raises InvalidAddress like `user`."""
    return check(of_room(name))


def check(address: str) -> str:
    """Return the address if it is one, else raise InvalidAddress saying why."""
    if _PLAIN.fullmatch(address):
        return address
    kind, _, name = address.partition(":")
    if address != ALL and (kind not in {"user", "room"} or not name):
        raise InvalidAddress(
            f"address {address[:40]!r} is not 'user:<id>', 'room:<name>' or 'all'; "
            "an id cannot be empty"
        )
    if address != ALL and (why := problem(name)):
        raise InvalidAddress(f"the id in address {address[:40]!r} {why}")
    return address


def routing_key(address: str, shard_count: int, event: str) -> str:
    """Return `<shard>.<kind>.<escaped id>.<event>`, e.g. `07.user.user_123.credit_update`."""
    kind, _, name = address.partition(":")
    return f"{shard_of(address, shard_count):02d}.{kind}.{escape(name or kind)}.{event.lower()}"
