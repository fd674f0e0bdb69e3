"""Whether users are there, as the owner of their shards knows it. PURE."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kull_router.delivery.session_key import Generation
from kull_router.sessions.registry import Change, Presence, Registry
from kull_router.status.settling import Settling


class Status(NamedTuple):
    """A user's. A lower generation is older."""

    user: str
    online: bool
    generation: Generation


class Statuses:
    """Reads the registry, and is told by it of who comes and goes.

    Args:
        shard_of: of a user.
        term_of: of a shard, None: another router owns it.
        grace: seconds, see `Settling`.
        now: seconds of a monotonic clock.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        shard_of: Callable[[str], int],
        term_of: Callable[[int], int | None],
        grace: float,
        now: Callable[[], float],
    ) -> None:
        self._registry = registry
        self.shard_of = shard_of
        self.term_of = term_of
        self._now = now
        self._settling = Settling(grace)
        self._version = 0  # grows with every change: a term of one router has one counter

    def moved(self, shard: int) -> None:
        """The shard has a new term here, or none; the registry has forgotten who was there."""
        if self.term_of(shard) is None:
            self._settling.lost(shard)
        else:
            self._settling.owned(shard, self._now())

    def changed(self, presence: Presence, change: Change) -> None:
        """A device has come or gone."""
        self._version += 1
        if change is Change.RESUMED:
            self._settling.resumed(presence.shard, self._now())

    def is_settled(self, shard: int) -> bool:
        """Whether this router owns the shard and knows who is not there."""
        return self._settling.is_settled(shard, self._now())

    def of(self, user: str) -> Status | None:
        """Return a user's status; None: another router knows it, or this one does not yet."""
        shard = self.shard_of(user)
        term = self.term_of(shard)
        online = self._registry.has(user)
        if term is None or not (online or self.is_settled(shard)):
            return None
        return Status(user, online, (term, self._version))
