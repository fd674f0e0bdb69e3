"""What is kept of events, devices, revocations, actions, words: a column for each attribute named.

Statements are made from these lists, for both databases; the tables are made by `migrations`. To
keep one thing more: a migration that adds the column, and its name here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

# Of `Event`, in the tables `every` and `latest` and their view `entries`. Its address is that of
# the queue, its contract says which table.
EVENT: Final = (
    "created_ms",
    "key",
    "version",
    "final",
    "id",
    "type",
    "exclude_device",
    "body",
    "service",
    "run",
    "progress",
)
# Of `DeviceInfo`, in `devices`, whose key is the user and the device.
DEVICE: Final = ("name", "platform", "ephemeral")
# Of `Revocation`, in `revocations`, beside whose tokens: the user and the device.
REVOCATION: Final = ("token_id", "issued_before_ms", "until_ms", "ahead_ms")
# Of `Action`, in `actions`.
ACTION: Final = ("at_ms", "operator", "name", "target", "result", "key")
# Of `Told`, in `presence`, whose key is the user and the device, beside the shard.
TOLD: Final = ("term", "number", "at_ms", "online", "told")


def names(columns: Sequence[str]) -> str:
    """Return them as a statement lists them."""
    return ", ".join(columns)


def overwritten(columns: Sequence[str]) -> str:
    """Return the assignments of an upsert that takes over their new values."""
    return ", ".join(f"{column} = excluded.{column}" for column in columns)
