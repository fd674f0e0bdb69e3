"""Subscriptions: sessions by address, grouped by the stream of their edge. PURE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kull_protos.contract import addresses
from kull_router.access.tokens import NOBODY, Claims
from kull_router.delivery.session_key import Generation, SessionKey
from kull_router.queues.port import DeviceInfo


@dataclass(slots=True, kw_only=True)
class Subscription:
    """One session in one queue.

    `initial_head`: see `Store.read`; `claims`: its token's; `generation`: (0, 0) if not known yet.
    """

    key: SessionKey
    address: str
    shard: int
    info: DeviceInfo
    initial_head: int = 0
    claims: Claims = NOBODY
    generation: Generation = (0, 0)

    @property
    def is_own(self) -> bool:
        """Whether the queue is that of the session's user."""
        return self.address == addresses.of_user(self.info.user)


class Subscriptions:
    """All subscriptions; an address counts once per stream, however many sessions subscribe."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[SessionKey, str], Subscription] = {}
        self._own: dict[SessionKey, Subscription] = {}  # in the user's own queue
        self._by_session: dict[SessionKey, dict[str, Subscription]] = {}
        self._by_user: dict[str, dict[tuple[SessionKey, str], Subscription]] = {}
        self._streams: dict[str, dict[int, int]] = {}  # address -> stream -> number of sessions

    def __len__(self) -> int:
        return len(self._by_key)

    def add(self, subscription: Subscription) -> None:
        """Add or replace a subscription."""
        self.remove(subscription.key, subscription.address)
        self._by_key[subscription.key, subscription.address] = subscription
        of_user = self._by_user.setdefault(subscription.info.user, {})
        of_user[subscription.key, subscription.address] = subscription
        self._by_session.setdefault(subscription.key, {})[subscription.address] = subscription
        if subscription.is_own:
            self._own[subscription.key] = subscription
        streams = self._streams.setdefault(subscription.address, {})
        streams[subscription.key.stream] = streams.get(subscription.key.stream, 0) + 1

    def get(self, key: SessionKey, address: str) -> Subscription | None:
        """Return a session's subscription of an address."""
        return self._by_key.get((key, address))

    def own(self, key: SessionKey) -> Subscription | None:
        """Return a session's subscription of its user's own queue."""
        return self._own.get(key)

    def all(self, user: str = "") -> list[Subscription]:
        """Return every subscription, or those of one user's sessions."""
        return list((self._by_user.get(user, {}) if user else self._by_key).values())

    def of_session(self, key: SessionKey) -> list[Subscription]:
        """Return the subscriptions of one session."""
        return list(self._by_session.get(key, {}).values())

    def remove(self, key: SessionKey, address: str) -> Subscription | None:
        """Remove and return a subscription, None if there is none."""
        subscription = self._by_key.pop((key, address), None)
        if subscription is None:
            return None
        if self._own.get(key) is subscription:
            del self._own[key]
        of_session = self._by_session[key]
        del of_session[address]
        if not of_session:
            del self._by_session[key]
        of_user = self._by_user[subscription.info.user]
        del of_user[key, address]
        if not of_user:
            del self._by_user[subscription.info.user]
        streams = self._streams[address]
        streams[key.stream] -= 1
        if not streams[key.stream]:
            del streams[key.stream]
        if not streams:
            del self._streams[address]
        return subscription

    def remove_stream(self, stream: int) -> list[Subscription]:
        """Remove and return everything that came on a stream."""
        return self._remove(
            subscription for (key, _), subscription in self._by_key.items() if key.stream == stream
        )

    def remove_shard(self, shard: int) -> list[Subscription]:
        """Remove and return everything of a shard."""
        return self._remove(
            subscription for subscription in self._by_key.values() if subscription.shard == shard
        )

    def _remove(self, which: Iterable[Subscription]) -> list[Subscription]:
        removed = list(which)
        for subscription in removed:
            self.remove(subscription.key, subscription.address)
        return removed

    def streams(self, address: str) -> Iterable[int]:
        """Return the streams whose edges have sessions in an address's queue."""
        return self._streams.get(address, ())
