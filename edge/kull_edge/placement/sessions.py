"""All sessions of an edge: by their numbers, and by the queues that they follow. PURE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kull_edge.session.session import Session
from kull_edge.session.subscription import Subscription, SubscriptionKey


class Subscriber(NamedTuple):
    """A session that follows a queue."""

    session: Session
    subscription: Subscription

    @property
    def key(self) -> SubscriptionKey:
        """Return the subscription's name."""
        return SubscriptionKey(self.session.id, self.subscription.address)


class Sessions:
    """Nobody else keeps a list of them."""

    def __init__(self) -> None:
        self._sessions: dict[int, Session] = {}
        self._subscribers: dict[str, dict[int, Subscriber]] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def addresses(self) -> list[str]:
        """The queues that somebody follows."""
        return list(self._subscribers)

    def catching_up(self) -> int:
        """Count the subscriptions that are not live."""
        return sum(not each.subscription.live for each in self.subscribers())

    def add(self, session: Session) -> None:
        """A session begins."""
        self._sessions[session.id] = session

    def remove(self, session: Session) -> bool:
        """A session has ended; what it follows is released one by one. False: it is gone."""
        return self._sessions.pop(session.id, None) is not None

    def get(self, session_id: int) -> Session | None:
        """Return a session, if it is there."""
        return self._sessions.get(session_id)

    def all(self) -> list[Session]:
        """Return every session."""
        return list(self._sessions.values())

    def subscribe(self, session: Session, subscription: Subscription) -> SubscriptionKey:
        """A session begins to follow a queue."""
        subscriber = Subscriber(session, subscription)
        self._subscribers.setdefault(subscription.address, {})[session.id] = subscriber
        return subscriber.key

    def release(self, key: SubscriptionKey) -> None:
        """A session follows a queue no more."""
        subscribers = self._subscribers[key.address]
        del subscribers[key.session_id]
        if not subscribers:
            del self._subscribers[key.address]

    def find(self, key: SubscriptionKey) -> Subscriber | None:
        """Return a subscription and whose it is, if it is there."""
        subscribers = self._subscribers.get(key.address)
        return subscribers.get(key.session_id) if subscribers else None

    def following(self, address: str) -> list[Subscriber]:
        """Return who follows a queue."""
        subscribers = self._subscribers.get(address)
        return list(subscribers.values()) if subscribers else []

    def subscribers(self) -> Iterable[Subscriber]:
        """Yield every subscription; none may begin or end meanwhile."""
        for subscribers in self._subscribers.values():
            yield from subscribers.values()
