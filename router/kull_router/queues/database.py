"""What a router is given: one database behind its four ports. PURE."""

from __future__ import annotations

from typing import Protocol

from kull_router.access.audit import AuditLog
from kull_router.access.revocations import RevocationLog
from kull_router.queues.port import Store
from kull_router.queues.presence_log import PresenceLog


class Database(Store, RevocationLog, AuditLog, PresenceLog, Protocol):
    """Queues, revocations, actions and who was there, kept together and closed together."""
