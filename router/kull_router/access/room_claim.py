"""The claim `rooms` of a device's token: which rooms it grants, and what in each. PURE."""

from __future__ import annotations

from collections.abc import Mapping

from kull_producers.errors import InvalidAddress
from kull_producers.events import address
from kull_protos.contract.close_codes import CloseCode
from kull_protos.contract.device_tokens import LISTED_ROOM_RIGHTS, ROOM_READ, ROOM_RIGHTS
from kull_protos.contract.limits import MAX_ROOMS_GRANTED
from kull_router.errors import TokenRefused

RoomRights = Mapping[str, frozenset[str]]  # by the room's address


def read(value: object) -> RoomRights:
    """Return what the claim grants; rights of another version are left out.

    Raises:
        TokenRefused: if it is neither a list of names nor an object of rights by name.
    """
    try:
        return {address.room(name): rights for name, rights in _by_name(value).items()}
    except InvalidAddress as error:
        raise TokenRefused(
            CloseCode.BAD_TOKEN, f"the token's rooms are not usable: {error}"
        ) from error


def _by_name(value: object) -> dict[str, frozenset[str]]:
    if isinstance(value, list | dict) and len(value) <= MAX_ROOMS_GRANTED:
        if isinstance(value, dict):
            return {name: _rights(name, rights) for name, rights in value.items()}
        return dict.fromkeys((each for each in value if isinstance(each, str)), LISTED_ROOM_RIGHTS)
    raise InvalidAddress(f"at most {MAX_ROOMS_GRANTED} names, in a list or as an object's keys")


def _rights(name: str, value: object) -> frozenset[str]:
    if not isinstance(value, list):
        raise InvalidAddress(f"the rights in {name[:40]!r} must be a list")
    rights = ROOM_RIGHTS & {each for each in value if isinstance(each, str)}
    if ROOM_READ not in rights:
        raise InvalidAddress(f"the rights in {name[:40]!r} lack {ROOM_READ!r}")
    return rights
