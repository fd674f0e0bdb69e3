"""What device tokens say, and how they are signed: JSON Web Tokens. PURE."""

from __future__ import annotations

from typing import Final

# Beside the registered claims: sub (the user), exp, iat, nbf, jti, aud, iss.
DEVICE: Final = "device"
NAME: Final = "name"  # of the device, for people
PLATFORM: Final = "platform"
# Names, without the prefix of their addresses: a list (each with LISTED_ROOM_RIGHTS), or an object
# of a list of rights for each name.
ROOMS: Final = "rooms"
CONTACTS: Final = "contacts"  # ids of users whose status may be watched
RIGHTS: Final = "rights"  # what the device may do for its user; absent: DEFAULT_RIGHTS

DEVICES_MANAGE: Final = "devices:manage"  # sign out devices of the same user
DEFAULT_RIGHTS: Final = frozenset({DEVICES_MANAGE})

ROOM_READ: Final = "read"  # join, history, typing; nothing goes without it
ROOM_WRITE: Final = "write"  # publish into it
ROOM_PRESENCE: Final = "presence"  # see who is there
ROOM_RIGHTS: Final = frozenset({ROOM_READ, ROOM_WRITE, ROOM_PRESENCE})
LISTED_ROOM_RIGHTS: Final = frozenset({ROOM_READ, ROOM_PRESENCE})

HS256: Final = "HS256"
RS256: Final = "RS256"
EDDSA: Final = "EdDSA"
ALGORITHMS: Final = (HS256, RS256, EDDSA)
MIN_RSA_BITS: Final = 2048
