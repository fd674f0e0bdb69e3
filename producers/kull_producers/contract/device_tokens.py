# Generated from protos/kull_protos/contract/device_tokens.py by `make contract`: do not edit.
"""What device tokens say, and how they are signed: JSON Web Tokens. PURE."""

from __future__ import annotations

from typing import Final

# Beside the registered claims: sub (the user), exp, iat, nbf, jti, aud, iss.
DEVICE: Final = "device"
NAME: Final = "name"  # of the device, for people
PLATFORM: Final = "platform"
ROOMS: Final = "rooms"  # names, without the prefix of their addresses
RIGHTS: Final = "rights"  # what the device may do for its user; absent: DEFAULT_RIGHTS

DEVICES_MANAGE: Final = "devices:manage"  # sign out devices of the same user
DEFAULT_RIGHTS: Final = frozenset({DEVICES_MANAGE})

HS256: Final = "HS256"
RS256: Final = "RS256"
EDDSA: Final = "EdDSA"
ALGORITHMS: Final = (HS256, RS256, EDDSA)
MIN_RSA_BITS: Final = 2048
