"""Subscriptions: sessions by address, grouped by the stream of their edge. PURE."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kull_protos.contract import addresses
from kull_router.access.tokens import NOBODY, Claims
from kull_router.delivery.session_key import Generation, SessionKey
from kull_router.queues.port import DeviceInfo

AT_ONCE: Final = 1_000  # sessions that one may look at before others have their turn


@dataclass(slots=True, kw_only=True)
class Subscription:
    """One session in one queue.

    `initial_head`: see `Store.read`; `claims`: its token's; `generation`: (0, 0) if not known yet;
    `takes_roster`: its edge is of a version that can be told who is in a room.
    """

    key: SessionKey
    address: str
    shard: int
    info: DeviceInfo
    initial_head: int = 0
    claims: Claims = NOBODY
    generation: Generation = (0, 0)
    takes_roster: bool = False

    @property
    def is_own(self) -> bool:
        """Whether the queue is that of the session's user."""
        return self.address == addresses.of_user(self.info.user)


class Subscriptions:
    """All subscriptions; an address counts once per stream, however many sessions subscribe."""

    def __init__(self) -> None:
        self._by_session: dict[SessionKey, dict[str, Subscription]] = {}
        self._sessions: dict[str, tuple[SessionKey, ...]] = {}  # by user: mostly one, never many
        self._streams: dict[str, dict[int, int]] = {}  # address -> stream -> number of sessions
        # Of rooms alone: what somebody looks at must not take a look at everybody.
        self._rooms: list[str] = []  # addresses, in order
        self._in_room: dict[str, dict[SessionKey, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, subscription: Subscription) -> None:
        """Add or replace a subscription."""
        key, user = subscription.key, subscription.info.user
        self.remove(key, subscription.address)
        self._by_session.setdefault(key, {})[subscription.address] = subscription
        sessions = self._sessions.get(user, ())
        if key not in sessions:
            self._sessions[user] = (*sessions, key)
        streams = self._streams.setdefault(subscription.address, {})
        streams[key.stream] = streams.get(key.stream, 0) + 1
        self._count += 1
        if addresses.is_room(subscription.address):
            self._enter_room(subscription.address, key)

    def _enter_room(self, room: str, key: SessionKey) -> None:
        if room not in self._in_room:
            self._in_room[room] = {}
            self._rooms.insert(bisect_left(self._rooms, room), room)
        self._in_room[room][key] = None

    def _leave_room(self, room: str, key: SessionKey) -> None:
        del self._in_room[room][key]
        if not self._in_room[room]:
            del self._in_room[room]
            del self._rooms[bisect_left(self._rooms, room)]

    def get(self, key: SessionKey, address: str) -> Subscription | None:
        """Return a session's subscription of an address."""
        of_session = self._by_session.get(key)
        return of_session.get(address) if of_session else None

    def own(self, key: SessionKey) -> Subscription | None:
        """Return a session's subscription of its user's own queue."""
        return next((each for each in self.of_session(key) if each.is_own), None)

    def all(self, user: str = "") -> list[Subscription]:
        """Return every subscription, or those of one user's sessions."""
        sessions = self._sessions.get(user, ()) if user else self._by_session
        every = (each for key in sessions for each in self._by_session[key].values())
        return [each for each in every if user in ("", each.info.user)]

    def of_session(self, key: SessionKey) -> list[Subscription]:
        """Return the subscriptions of one session."""
        return list(self._by_session.get(key, {}).values())

    def remove(self, key: SessionKey, address: str) -> Subscription | None:
        """Remove and return a subscription, None if there is none."""
        of_session = self._by_session.get(key, {})
        subscription = of_session.pop(address, None)
        if subscription is None:
            return None
        if not of_session:
            del self._by_session[key]
        user = subscription.info.user
        if not any(each.info.user == user for each in of_session.values()):
            self._forget(user, key)
        streams = self._streams[address]
        streams[key.stream] -= 1
        if not streams[key.stream]:
            del streams[key.stream]
        if not streams:
            del self._streams[address]
        self._count -= 1
        if addresses.is_room(address):
            self._leave_room(address, key)
        return subscription

    def _forget(self, user: str, key: SessionKey) -> None:
        left = tuple(each for each in self._sessions[user] if each != key)
        if left:
            self._sessions[user] = left
        else:
            del self._sessions[user]

    def remove_stream(self, stream: int) -> list[Subscription]:
        """Remove and return everything that came on a stream."""
        return self._remove(each for each in self.all() if each.key.stream == stream)

    def remove_shard(self, shard: int) -> list[Subscription]:
        """Remove and return everything of a shard."""
        return self._remove(each for each in self.all() if each.shard == shard)

    def _remove(self, which: Iterable[Subscription]) -> list[Subscription]:
        removed = list(which)
        for subscription in removed:
            self.remove(subscription.key, subscription.address)
        return removed

    def rooms(self, *, after: str, limit: int) -> list[tuple[str, int]]:
        """Return rooms with addresses > after, in order, and how many sessions follow each."""
        start = bisect_right(self._rooms, after)
        return [(room, len(self._in_room[room])) for room in self._rooms[start : start + limit]]

    def followers(self, address: str) -> tuple[int, list[SessionKey]]:
        """Return how many sessions follow an address, and the sessions that may: see `get`.

        Looks at none of them, and `all` is for all.
        """
        count = sum(self._streams.get(address, {}).values())
        if addresses.is_room(address):
            return count, list(self._in_room.get(address, ()))
        if addresses.is_user(address):
            return count, list(self._sessions.get(address.removeprefix(addresses.USER), ()))
        return count, list(self._by_session)

    def keys(self) -> Sequence[SessionKey]:
        """Return all sessions that follow something."""
        return list(self._by_session)

    def streams(self, address: str) -> Iterable[int]:
        """Return the streams whose edges have sessions in an address's queue."""
        return self._streams.get(address, ())
