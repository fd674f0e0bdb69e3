"""What a router is given: one database behind its three ports. PURE."""

from __future__ import annotations

from typing import Protocol

from kull_router.access.audit import AuditLog
from kull_router.access.revocations import RevocationLog
from kull_router.queues.port import Store


class Database(Store, RevocationLog, AuditLog, Protocol):
    """Queues, revocations and actions, kept together and closed together."""
