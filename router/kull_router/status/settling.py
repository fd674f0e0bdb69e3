"""How long the owner of a shard that has moved does not know who is there. PURE.

Its edges subscribe their sessions again, which takes a moment: until then a device that was not
seen may well be connected.
"""

from __future__ import annotations

from typing import Final

LONGEST: Final = 10  # graces: an edge that subscribes its sessions on and on must not hold it up


class Settling:
    """The shards that this router owns. `now`: seconds of a monotonic clock.

    grace: seconds that a device may be without a session; each session that comes from the owner
        before starts it anew.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._until: dict[int, float] = {}
        self._latest: dict[int, float] = {}

    def owned(self, shard: int, now: float) -> None:
        """The shard has a new term here."""
        self._until[shard] = now + self._grace
        self._latest[shard] = now + LONGEST * self._grace

    def lost(self, shard: int) -> None:
        """The shard is another router's."""
        self._until.pop(shard, None)
        self._latest.pop(shard, None)

    def resumed(self, shard: int, now: float) -> None:
        """A session of the owner before has come."""
        if not self.is_settled(shard, now) and shard in self._until:
            self._until[shard] = min(now + self._grace, self._latest[shard])

    def is_settled(self, shard: int, now: float) -> bool:
        """Whether who was not seen is not there."""
        until = self._until.get(shard)
        return until is not None and now >= until
