"""Which sessions watch which users, grouped by the stream of their edge. PURE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from kull_router.delivery.session_key import SessionKey


class Watchers:
    """A user counts once per stream, however many sessions there watch.

    shard_of: of a user.
    """

    def __init__(self, shard_of: Callable[[str], int]) -> None:
        self._shard_of = shard_of
        self._watched: dict[SessionKey, frozenset[str]] = {}
        self._streams: dict[int, dict[str, Counter[int]]] = {}  # by shard and user

    def __len__(self) -> int:
        """How many users are watched."""
        return sum(map(len, self._streams.values()))

    def set(self, key: SessionKey, users: Iterable[str]) -> None:
        """Let a session watch these users and no others; none: it watches no more."""
        wanted = frozenset(users)
        before = self._watched.pop(key, frozenset())
        for user in before - wanted:
            self._release(user, key.stream)
        for user in wanted - before:
            shard = self._streams.setdefault(self._shard_of(user), {})
            shard.setdefault(user, Counter())[key.stream] += 1
        if wanted:
            self._watched[key] = wanted

    def remove_stream(self, stream: int) -> None:
        """An edge is gone."""
        for key in [key for key in self._watched if key.stream == stream]:
            self.set(key, ())

    def remove_shard(self, shard: int) -> None:
        """The edges will ask again, wherever the shard is owned then."""
        gone = self._streams.get(shard, {}).keys()
        for key, users in list(self._watched.items()) if gone else ():
            if not gone.isdisjoint(users):
                self.set(key, users - gone)

    def of_shard(self, shard: int) -> list[str]:
        """Return who is watched of a shard's users."""
        return list(self._streams.get(shard, ()))

    def streams(self, user: str) -> Iterable[int]:
        """Return the streams whose edges have sessions that watch a user."""
        return self._streams.get(self._shard_of(user), {}).get(user, ())

    def _release(self, user: str, stream: int) -> None:
        shard = self._shard_of(user)
        streams = self._streams[shard][user]
        streams[stream] -= 1
        if not streams[stream]:
            del streams[stream]
        if not streams:
            del self._streams[shard][user]
        if not self._streams[shard]:
            del self._streams[shard]
