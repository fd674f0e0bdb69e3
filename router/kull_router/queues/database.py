"""What a router is given: one database behind its two ports. PURE."""

from __future__ import annotations

from typing import Protocol

from kull_router.access.revocations import RevocationLog
from kull_router.queues.port import Store


class Database(Store, RevocationLog, Protocol):
    """Queues and revocations, kept together and closed together."""
