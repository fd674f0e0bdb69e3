"""Which router serves which subscription: the owner of its shard, or it waits for one. PURE.

When ownership moves, subscriptions move; sockets notice nothing of it. Methods return what is to
be done; `now` is seconds of a monotonic clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from kull_edge.placement.config import HubConfig
from kull_edge.placement.flow_control import FlowControl
from kull_edge.placement.owners import Owners
from kull_edge.placement.sessions import Sessions, Subscriber
from kull_edge.placement.staleness import Staleness
from kull_edge.placement.watches import Watches
from kull_edge.session.effects import Effect, ToRouter
from kull_edge.session.session import Session
from kull_edge.session.subscription import Subscription, SubscriptionKey
from kull_edge.timers import Timers
from kull_protos.mesh.v1 import attach_pb2 as pb


class RetryTimer(SubscriptionKey):
    """Key of a deadline: ask again for this subscription."""

    __slots__ = ()


class Placement:
    """See the module's text.

    Args:
        routers: how many there should be links to. That may change.
    """

    def __init__(
        self,
        config: HubConfig,
        sessions: Sessions,
        *,
        routers: int,
        timers: Timers[Any],
        request_ids: Iterator[int],
        rng: random.Random,
    ) -> None:
        self._config = config
        self.routers = routers
        self._sessions = sessions
        self._timers = timers
        self._rng = rng
        self._owners = Owners()
        self._staleness = Staleness(timers, stale_after=config.stale_after)
        self._flow = FlowControl(
            sessions, self._owners, request_ids=request_ids, max_subscribes=config.max_subscribes
        )
        self.watches = Watches(
            sessions,
            self._owners,
            timers=timers,
            request_ids=request_ids,
            delay=lambda: rng.uniform(config.retry_min, config.retry_max),
        )

    @property
    def any_owner(self) -> bool:
        """Whether some shard has an owner."""
        return len(self._owners) > 0

    @property
    def stale_count(self) -> int:
        """How many subscriptions were served once, and are not now."""
        return len(self._staleness)

    @property
    def link_count(self) -> int:
        """How many streams are open."""
        return self._flow.links

    def requests(self) -> dict[str, tuple[int, int]]:
        """See `FlowControl.requests`."""
        return self._flow.requests()

    def has(self, link: str) -> bool:
        """Whether the link's stream is open."""
        return self._flow.has(link)

    # Subscriptions

    def subscribe(self, session: Session, subscription: Subscription) -> list[Effect]:
        """A session begins to follow a queue."""
        return self._flow.subscribe(self._sessions.subscribe(session, subscription))

    def fetch(self, link: str, key: SubscriptionKey) -> list[Effect]:
        """A subscription can take more from the log."""
        return self._flow.fetch(link, key)

    def release(self, key: SubscriptionKey) -> None:
        """A session follows a queue no more; `pump` the link that it used afterwards."""
        self._flow.release(key)
        self._staleness.ends(key)
        self._timers.cancel(RetryTimer(*key))
        self._sessions.release(key)

    def pump(self, link: str) -> list[Effect]:
        """Send what the credits of a link allow now."""
        return self._flow.pump(link)

    def retry_later(self, key: SubscriptionKey, now: float) -> None:
        """Ask again for this subscription, but not at once."""
        delay = self._rng.uniform(self._config.retry_min, self._config.retry_max)
        self._timers.schedule(RetryTimer(*key), now + delay)

    def ask_anew(self, session: Session, link: str, now: float) -> list[Effect]:
        """A router did not take the session's new token: subscribe there with it, but later."""
        out: list[Effect] = []
        for each in session.subscriptions:
            if each.link == link:
                found = Subscriber(session, each)
                request = pb.Unsubscribe(session_id=session.id, address=each.address)
                out.append(ToRouter(link, pb.AttachRequest(unsubscribe=request)))
                out += self._detach(found, now)
                self.retry_later(found.key, now)
        return out + self.pump(link) if out else []

    def retry(self, key: SubscriptionKey) -> list[Effect]:
        """Ask again for an owner; a fetch is the settling's business."""
        return self._flow.subscribe(key)

    def is_owner(self, link: str, address: str, term: int) -> bool:
        """Whether a router is the owner of a queue, in this term, as far as is known here."""
        owner = self._owners.of(address)
        return owner is not None and (owner.link, owner.term) == (link, term)

    # Answers

    def subscribe_answered(self, link: str, key: SubscriptionKey) -> Subscriber | None:
        """Return whose the answer to a Subscribe is, if it is awaited from this link."""
        self._flow.subscribe_answered(link, key)
        found = self._sessions.find(key)
        return found if found and found.subscription.link == link else None

    def fetch_answered(self, link: str, request_id: int) -> Subscriber | None:
        """Return whose the answer to a Fetch is, if it still counts."""
        key = self._flow.fetch_answered(link, request_id)
        found = self._sessions.find(key) if key else None
        return found if found and found.subscription.fetching == request_id else None

    # Without an owner

    def is_served(self, key: SubscriptionKey) -> bool:
        """An owner serves it now; return whether its device believes that none does."""
        return self._staleness.ends(key)

    def waited(self, key: SubscriptionKey, now: float) -> tuple[float, bool] | None:
        """Return for how long it has had no owner, and whether that is news; None: it has one."""
        return self._staleness.look(key, now)

    def is_to_move(self, key: SubscriptionKey, waited: float) -> bool:
        """Whether its device is better served by another edge: then it is asked no more."""
        if waited < self._config.away_after:
            return False
        if not self._owners.is_cut_off(key.address, routers=self.routers):
            return False
        self._staleness.ends(key)
        return True

    # Links

    def link_up(self, link: str, welcome: pb.Welcome, now: float) -> list[Effect]:
        """A stream to a router is open."""
        out = self.link_down(link, now)
        self._flow.link_up(link, welcome)
        self.watches.link_up(link)
        if self._owners.link_up(link, welcome):
            out += self._move(self._sessions.addresses, now) + self.watches.moved()
        return out

    def link_down(self, link: str, now: float) -> list[Effect]:
        """A stream to a router is gone; its subscriptions wait for another owner."""
        if not self._flow.link_down(link):
            return []
        self.watches.link_down(link)
        out: list[Effect] = []
        for each in self._sessions.subscribers():
            if each.subscription.link == link:
                out += self._detach(each, now)
        return out + self._move_shards(self._owners.link_down(link), now)

    def claimed(self, link: str, owned: pb.OwnedShards, now: float) -> list[Effect]:
        """A router tells what it owns now."""
        return self._move_shards(self._owners.claimed(link, owned), now)

    def _move_shards(self, shards: set[int], now: float) -> list[Effect]:
        if not shards:
            return self._flow.pump_all()
        addresses = self._sessions.addresses
        moved = [each for each in addresses if self._owners.shard_of(each) in shards]
        return self._move(moved, now) + self.watches.moved(shards)

    def _move(self, addresses: list[str], now: float) -> list[Effect]:
        """Move the subscriptions to these queues to the owners that are known now."""
        out: list[Effect] = []
        for address in addresses:
            for each in self._sessions.following(address):
                out += self._detach(each, now)
                self._flow.line_up(each.key)
        return out + self._flow.pump_all()

    def _detach(self, subscriber: Subscriber, now: float) -> list[Effect]:
        session, subscription = subscriber
        was_attached = bool(subscription.link)
        self._flow.release(subscriber.key)
        if subscription.established:
            self._staleness.begins(subscriber.key, now)
        subscription.detach()
        if was_attached and subscription.address == session.user_address:
            return session.orphaned()
        return []
