# Generated from protos/kull_protos/contract/shard.py by `make contract`: do not edit.
"""The shard of an address: the unit of ownership between routers. PURE."""

from __future__ import annotations

import zlib
from typing import Final

DEFAULT_SHARD_COUNT: Final = 16
MAX_SHARD_COUNT: Final = 100  # two digits in routing keys and queue names


def shard_of(address: str, shard_count: int) -> int:
    """Return the shard that owns an address: crc32 of its UTF-8 bytes modulo the shard count."""
    return zlib.crc32(address.encode()) % shard_count
