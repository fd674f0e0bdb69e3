"""Every error of the router.

RouterError
├── ConfigError             a setting is wrong or contradicts what is stored
│   ├── ShardCountMismatch  the deployment was created with another shard count
│   └── NewerSchema         a newer version has changed the store's tables
├── StoreError
│   ├── Fenced              another owner holds the shard now
│   ├── StoreUnavailable    the database cannot be used right now
│   ├── StoreReplaced       the database is not the one that was opened: open it again
│   ├── StoreLocked         another router process uses this SQLite file
│   ├── StoreRefused        the database works, and will never take these events together
│   └── BadEvent            one event can never be stored
├── BrokerError
│   ├── BrokerUnavailable   RabbitMQ cannot be reached; try again
│   └── ChannelClosed       the shard's channel is gone, and its unacknowledged deliveries with it
├── PoisonMessage           a message that is no event
└── TokenRefused            a device token that is not valid (see `tokens`)
"""

from __future__ import annotations


class RouterError(Exception):
    """Root of the router's errors."""


class ConfigError(RouterError):
    """A setting is wrong or contradicts what is stored."""


class ShardCountMismatch(ConfigError):
    """The deployment was created with another shard count."""

    def __init__(self, stored: int, configured: int) -> None:
        self.stored, self.configured = stored, configured
        super().__init__(
            f"this deployment was created with {stored} shards, but {configured} are configured: "
            f"set KULL_SHARD_COUNT={stored}, or start a new deployment with an empty store"
        )


class NewerSchema(ConfigError):
    """A newer version has changed the store's tables."""

    def __init__(self, number: int, name: str, *, known: int) -> None:
        self.number, self.known = number, known
        super().__init__(
            f"the store has schema {number} ({number:04}_{name}), which this version of Kull Sync "
            f"does not know (it knows up to {known}): run the version that made it or a newer one; "
            "to go back, restore a backup from before the upgrade"
        )


class StoreError(RouterError):
    """The store did not do what was asked."""


class Fenced(StoreError):
    """Another owner holds the shard now; nothing was written."""

    def __init__(self, shard: int, term: int, current: int) -> None:
        self.shard, self.term, self.current = shard, term, current
        super().__init__(f"shard {shard} is owned under term {current}, not {term}")


class StoreUnavailable(StoreError):
    """The database cannot be used right now. Nothing was changed, unless the answer was lost."""


class StoreReplaced(StoreError):
    """The database was restored while the store was open: open it again, under a new epoch."""


class StoreLocked(StoreError):
    """Another router process uses this SQLite file."""


class StoreRefused(StoreError):
    """The database works, and will never take these events as they are; none was stored.

    At least one of them is at fault, and nobody knows which one: give it fewer at once.
    """


class BadEvent(StoreError):
    """One event can never be stored; none of its batch was."""

    def __init__(self, index: int, why: str) -> None:
        self.index = index
        super().__init__(f"event {index} of the batch can never be stored: {why}")


class BrokerError(RouterError):
    """RabbitMQ did not do what was asked."""


class BrokerUnavailable(BrokerError):
    """RabbitMQ cannot be reached right now."""


class ChannelClosed(BrokerError):
    """The shard's channel is gone; what was not acknowledged will be delivered again."""


class PoisonMessage(RouterError):
    """A message that is no event; the text says why."""


class TokenRefused(RouterError):
    """A device token that is not valid; the text is fit for the device."""

    def __init__(self, close_code: int, reason: str) -> None:
        self.close_code = close_code
        super().__init__(reason)
