"""After a fault: when does each shard deliver again? PURE."""

from __future__ import annotations

from collections.abc import Callable, Mapping


class Flow:
    """Watches the deliveries from the moment of a fault on.

    Args:
        begin: the moment, in seconds.
        started: the last number that each user's publisher had begun by then.
        shard_of: the shard of a user.
    """

    def __init__(
        self, begin: float, started: Mapping[str, int], shard_of: Callable[[str], int]
    ) -> None:
        self._begin = begin
        self._started = dict(started)
        self._shard_of = shard_of
        self._silent = {shard_of(user) for user in started}
        self._longest = 0.0

    def deliver(self, user: str, number: int, at: float) -> None:
        """A device of the user got an event, `at` seconds."""
        shard = self._shard_of(user)
        if shard in self._silent and number > self._started[user]:
            self._silent.discard(shard)
            self._longest = max(self._longest, at - self._begin)

    @property
    def pause(self) -> float | None:
        """Seconds until the last shard delivered what was published since; None: not yet."""
        return None if self._silent else self._longest
