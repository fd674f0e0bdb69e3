"""Which requests go to a router now: who waits to subscribe, and who waits to fetch. PURE.

A mass reconnect or a failover waits in order here, instead of flooding the router.
"""

from __future__ import annotations

from collections.abc import Iterator

from kull_edge.placement.credits import Credits
from kull_edge.placement.owners import Owners
from kull_edge.placement.sessions import Sessions, Subscriber
from kull_edge.session.effects import Effect, ToRouter
from kull_edge.session.subscription import Subscription, SubscriptionKey
from kull_protos.mesh.v1 import attach_pb2 as pb


class _Link:
    """The requests of one living stream."""

    __slots__ = ("fetches", "fetching", "subscribes", "subscribing")

    def __init__(self, *, subscribes: int, fetches: int) -> None:
        self.subscribes: Credits[SubscriptionKey] = Credits(subscribes)
        self.subscribing: set[SubscriptionKey] = set()  # asked, not answered
        self.fetches: Credits[SubscriptionKey] = Credits(fetches)
        self.fetching: dict[int, SubscriptionKey] = {}  # request id -> asked, not answered

    def subscribe_answered(self, key: SubscriptionKey) -> None:
        if key in self.subscribing:
            self.subscribing.remove(key)
            self.subscribes.give()

    def release(self, key: SubscriptionKey) -> None:
        self.subscribes.forget(key)
        self.fetches.forget(key)
        # A router need not answer a Subscribe whose session has gone.
        self.subscribe_answered(key)


class FlowControl:
    """Gives subscriptions to owners and fetches to subscriptions, as far as each link's credits go.

    Args:
        request_ids: numbers that are unique within the edge.
        max_subscribes: unanswered ones per link.
    """

    def __init__(
        self, sessions: Sessions, owners: Owners, *, request_ids: Iterator[int], max_subscribes: int
    ) -> None:
        self._sessions = sessions
        self._owners = owners
        self._request_ids = request_ids
        self._max_subscribes = max_subscribes
        self._links: dict[str, _Link] = {}

    def link_up(self, link: str, welcome: pb.Welcome) -> None:
        """A stream is open: nothing waits there yet."""
        fetches = max(1, welcome.fetch_credits)
        self._links[link] = _Link(subscribes=self._max_subscribes, fetches=fetches)

    def link_down(self, link: str) -> bool:
        """A stream is gone, with everything that was not answered. False: there was none."""
        return self._links.pop(link, None) is not None

    def has(self, link: str) -> bool:
        """Whether the link's stream is open."""
        return link in self._links

    @property
    def links(self) -> int:
        """How many streams are open."""
        return len(self._links)

    def requests(self) -> dict[str, tuple[int, int]]:
        """Return how many requests of each kind are unanswered, and how many wait for a credit."""
        links = self._links.values()
        return {
            "subscribe": (
                sum(link.subscribes.used for link in links),
                sum(link.subscribes.waiting for link in links),
            ),
            "fetch": (
                sum(link.fetches.used for link in links),
                sum(link.fetches.waiting for link in links),
            ),
        }

    # What subscriptions want

    def subscribe(self, key: SubscriptionKey) -> list[Effect]:
        """Wait for the owner's turn to answer; without an owner, to be moved to the next one."""
        link = self.line_up(key)
        return self.pump(link) if link else []

    def line_up(self, key: SubscriptionKey) -> str | None:
        """Do the same, and leave the pumping to the caller; returns the owner's link."""
        owner = self._owners.of(key.address)
        if owner is None:
            return None
        self._links[owner.link].subscribes.want(key)
        return owner.link

    def fetch(self, link: str, key: SubscriptionKey) -> list[Effect]:
        """Wait for a fetch."""
        self._links[link].fetches.want(key)
        return self.pump(link)

    def release(self, key: SubscriptionKey) -> None:
        """Wait for nothing any more."""
        for link in self._links.values():
            link.release(key)

    # What routers answered

    def subscribe_answered(self, link: str, key: SubscriptionKey) -> None:
        """The answer to a Subscribe has come."""
        self._links[link].subscribe_answered(key)

    def fetch_answered(self, link: str, request_id: int) -> SubscriptionKey | None:
        """The answer to a Fetch has come; return whose it was, None if nobody waits for it."""
        key = self._links[link].fetching.pop(request_id, None)
        if key is not None:
            self._links[link].fetches.give()
        return key

    # Sending

    def pump_all(self) -> list[Effect]:
        """Send what the credits of all links allow."""
        return [effect for link in self._links for effect in self.pump(link)]

    def pump(self, link: str) -> list[Effect]:
        """Send what the credits of a link allow."""
        state = self._links[link]
        out: list[Effect] = []
        while (key := state.subscribes.take()) is not None:
            out += self._subscribe(link, state, key)
        while (key := state.fetches.take()) is not None:
            out += self._fetch(link, state, key)
        return out

    def _subscribe(self, link: str, state: _Link, key: SubscriptionKey) -> list[Effect]:
        found = self._sessions.find(key)
        owner = self._owners.of(key.address)
        if not found or found.subscription.link or not owner or owner.link != link:
            state.subscribes.give()
            return []
        second = found.session.second
        if found.subscription is second:  # it goes with the user's own queue, or after it
            state.subscribes.give()
            return []
        request = found.session.subscribe_request(found.subscription)
        found.subscription.begin(link, owner.term)
        state.subscribing.add(key)
        out = self._also(link, found, second, request) if second else []
        return [*out, ToRouter(link, pb.AttachRequest(subscribe=request))]

    def _also(
        self, link: str, found: Subscriber, second: Subscription, request: pb.Subscribe
    ) -> list[Effect]:
        """Ask for the session's second queue as well, if the same router owns it."""
        out: list[Effect] = []
        if second.link and second.link != link and self.has(second.link):
            # That router was asked for both, and may have taken the session into this one.
            ends = pb.Unsubscribe(session_id=found.session.id, address=second.address)
            out.append(ToRouter(second.link, pb.AttachRequest(unsubscribe=ends)))
        second.detach()
        owner = self._owners.of(second.address)
        if owner and owner.link == link:
            second.begin(link, owner.term)
            request.also.CopyFrom(found.session.also(second))
        return out

    def _fetch(self, link: str, state: _Link, key: SubscriptionKey) -> list[Effect]:
        found = self._sessions.find(key)
        size = (
            found.subscription.fetch_size() if found and found.subscription.link == link else None
        )
        if not found or size is None:
            state.fetches.give()
            return []
        request_id = next(self._request_ids)
        found.subscription.fetch(request_id)
        state.fetching[request_id] = key
        limit, max_bytes = size
        request = pb.Fetch(
            request_id=request_id,
            session_id=key.session_id,
            address=key.address,
            after=found.subscription.through,
            limit=limit,
            max_bytes=max_bytes,
        )
        return [ToRouter(link, pb.AttachRequest(fetch=request))]
