"""Addresses: who an event is for. PURE."""

from __future__ import annotations

import re
from urllib.parse import quote

from kull_producers.contract.addresses import ALL, ROOM, USER, of_room, of_user
from kull_producers.contract.limits import MAX_ADDRESS_BYTES, MAX_ESCAPED_BYTES
from kull_producers.contract.shard import shard_of
from kull_producers.contract.texts import CONTROL
from kull_producers.errors import InvalidAddress

_CONTROL = re.compile(f"[{CONTROL}]")
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
    try:
        size = len(address.encode())
    except UnicodeEncodeError:
        raise InvalidAddress(
            "the address holds a lone surrogate, which UTF-8 cannot carry"
        ) from None
    if size > MAX_ADDRESS_BYTES or len(escape(name)) > MAX_ESCAPED_BYTES:
        raise InvalidAddress(
            f"address {address[:40]!r}… has {size} bytes ({len(escape(name))} once escaped); "
            f"at most {MAX_ADDRESS_BYTES} ({MAX_ESCAPED_BYTES} escaped) are allowed"
        )
    if _CONTROL.search(address):
        raise InvalidAddress(f"address {address[:40]!r} holds control characters")
    return address


def escape(name: str) -> str:
    """Percent-encode all but A-Z a-z 0-9 _ - so that an id can never be a routing pattern."""
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")


def routing_key(address: str, shard_count: int, event: str) -> str:
    """Return `<shard>.<kind>.<escaped id>.<event>`, e.g. `07.user.user_123.credit_update`."""
    kind, _, name = address.partition(":")
    return f"{shard_of(address, shard_count):02d}.{kind}.{escape(name or kind)}.{event.lower()}"
