"""RabbitMQ accounts with no more rights than their roles need. PURE.

The document is what RabbitMQ's `load_definitions` reads. Edges have no account.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kull_producers.events import topology
from kull_producers.events.models import EVENTS

# Whoever makes the topology reads and writes it. Claim probes go straight to a shard's queue, by
# the default exchange.
_ROUTER: Final = {
    "configure": r"^kull\..*$",
    "write": r"^(kull\..*|amq\.default)$",
    "read": r"^kull\..*$",
}
# Beside the event exchanges, what a producer looks for when it connects: since 4.2.7 and 4.3.1
# RabbitMQ shows an exchange only to whoever has some right to it. Writing is the one that gives
# nothing away: `kull.route` is internal and takes no publishes, nothing is bound to a mark, and
# without reading nothing can be bound.
_LOOKED_FOR: Final = (topology.ROUTE, rf"{topology.SHARDS}\.[0-9]+")
_PRODUCER: Final = {
    "configure": "^$",
    "write": "^("
    + "|".join(
        name.replace("kull.", r"kull\.")
        for name in (*EVENTS.exchanges, topology.BURSTS, *_LOOKED_FOR)
    )
    + ")$",
    "read": "^$",
}
# Who listens to `kull.presence`: it has queues of its own, by their names, and binds them there.
_CONSUMER: Final = {
    "configure": r"^consumer\..*$",
    "write": r"^consumer\..*$",
    "read": "^(" + topology.PRESENCE.replace(".", r"\.") + r"|consumer\..*)$",
}
ROLES: Final[Mapping[str, Mapping[str, str]]] = {
    "router": _ROUTER,
    "producer": _PRODUCER,
    "consumer": _CONSUMER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who logs in to RabbitMQ. `role` is one of ROLES, or `administrator`."""

    name: str
    password: str = field(repr=False)
    role: str


def document_of(
    accounts: list[Account], *, vhost: str = "/", randomness: Callable[[int], bytes]
) -> dict[str, Any]:
    """Return the definitions of the accounts. `randomness` salts the passwords' hashes."""
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "vhosts": [{"name": vhost}],
        "users": [_user(account, randomness(4)) for account in accounts],
        "permissions": [
            {"user": account.name, "vhost": vhost, **ROLES.get(account.role, everything)}
            for account in accounts
        ],
    }


def _user(account: Account, salt: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(salt + account.password.encode()).digest()
    return {
        "name": account.name,
        "password_hash": base64.b64encode(salt + digest).decode(),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ["administrator"] if account.role == "administrator" else [],
        "limits": {},
    }
