"""Revocations and actions in memory: the part of the twin that knows no queues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from kull_router.access.audit import Action
from kull_router.access.revocations import Revocation


@dataclass(slots=True)
class LogState:
    """What a disk would hold of them."""

    revocations: list[Revocation] = field(default_factory=list)
    last_revocation: int = 0
    actions: list[Action] = field(default_factory=list)  # the oldest first
    last_action: int = 0


class MemoryLogs:
    """A `RevocationLog` and an `AuditLog`. `check_open` raises what closed ones raise."""

    def __init__(self, state: LogState, check_open: Callable[[], None]) -> None:
        self._logs = state
        self._check_logs = check_open

    async def revoke(self, revocation: Revocation) -> None:
        """See `RevocationLog.revoke`."""
        self._check_logs()
        kept = self._logs.revocations
        known = [each for each in kept if each.scope == revocation.scope]
        if any(each.includes(revocation) for each in known):
            return
        self._logs.last_revocation += 1
        for each in known:
            kept.remove(each)
            revocation = revocation.joined(each)
        kept.append(replace(revocation, number=self._logs.last_revocation))

    async def revocations(self, after: int, limit: int) -> list[Revocation]:
        """See `RevocationLog.revocations`."""
        self._check_logs()
        return [each for each in self._logs.revocations if each.number > after][:limit]

    async def expire_revocations(self, now_ms: int) -> None:
        """See `RevocationLog.expire_revocations`."""
        self._check_logs()
        self._logs.revocations = [each for each in self._logs.revocations if each.until_ms > now_ms]

    async def note(self, action: Action) -> int:
        """See `AuditLog.note`."""
        self._check_logs()
        for each in self._logs.actions:
            if action.key and each.key == action.key:
                return each.number
        self._logs.last_action += 1
        self._logs.actions.append(replace(action, number=self._logs.last_action))
        return self._logs.last_action

    async def finish(self, number: int, result: str) -> None:
        """See `AuditLog.finish`."""
        self._check_logs()
        self._logs.actions = [
            replace(each, result=result) if each.number == number and not each.result else each
            for each in self._logs.actions
        ]

    async def actions(self, *, before: int = 0, limit: int = 100) -> Sequence[Action]:
        """See `AuditLog.actions`."""
        self._check_logs()
        newest = [
            each for each in reversed(self._logs.actions) if not before or each.number < before
        ]
        return newest[:limit]

    def _expire_actions(self, before_ms: int) -> None:
        self._logs.actions = [each for each in self._logs.actions if each.at_ms >= before_ms]
