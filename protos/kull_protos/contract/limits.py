"""How much of anything is accepted; each part refuses what another one would refuse. PURE."""

from __future__ import annotations

from typing import Final

MIN_SECRET_BYTES: Final = 32  # of an HS256 secret
MAX_TOKEN_CHARS: Final = 4096
MAX_TOKEN_ID_CHARS: Final = 128  # of the claim `jti`
MAX_ROOMS_GRANTED: Final = 32  # by one token
MAX_CONTACTS: Final = 100  # users whose status one token lets watch
MAX_WATCHED: Final = 100  # users whose status one connection watches, or one question is about
MAX_RIGHTS: Final = 32  # that one token names
DEFAULT_TOKEN_TTL: Final = 30 * 86_400.0  # seconds that a token lives at most

MAX_USER_ID_CHARS: Final = 100
MAX_DEVICE_ID_CHARS: Final = 100
MAX_NAME_CHARS: Final = 64  # of a device's name
MAX_PLATFORM_CHARS: Final = 32

MAX_ADDRESS_BYTES: Final = 128
MAX_ESCAPED_BYTES: Final = 200  # a routing key holds 255 bytes, this is the id's share of it
MAX_EVENT_ID_CHARS: Final = 128
MAX_EVENT_BYTES: Final = 64 * 1024  # an edge would refuse to build a larger frame
MAX_NODE_ID_CHARS: Final = 128

MAX_TRACEPARENT_CHARS: Final = 200  # version 00 has 55; later ones may be longer
MAX_REF_CHARS: Final = 100  # of `ref`, `instance` and `epoch`
MAX_SEQ: Final = 2**63 - 1
MAX_NUMBER: Final = 2**53 - 1  # the largest whole number JavaScript holds exactly
MAX_TIME_MS: Final = 2**53  # milliseconds since the Unix epoch that every client can count

MAX_HISTORY: Final = 100  # entries of a room that a newcomer may ask for
DEFAULT_ROOMS: Final = 32  # that one connection follows at once
MAX_ROOMS: Final = 64  # that it may be set to follow
MAX_QUEUES: Final = MAX_ROOMS + 2  # with the user's own and `all`
MAX_STATE_BYTES: Final = 1024  # of a member's state in a room, as compact JSON
MAX_NEIGHBOURS: Final = 20  # of a large room, that a member is told
