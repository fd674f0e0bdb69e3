"""The lines in front of the routers: who waits to subscribe, and who waits to fetch. PURE.

A mass reconnect or a failover is a queue here, not a flood at the router.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kull_edge.placement.owners import LinkState, Owners, Seat
from kull_edge.session.effects import Effect, ToRouter
from kull_edge.session.session import Session
from kull_edge.session.subscription import Follow
from kull_protos.mesh.v1 import attach_pb2 as pb

Find = Callable[[Seat], tuple[Session, Follow] | None]


class Lines:
    """Gives seats to owners and fetches to seats, as far as the credits of each link go."""

    def __init__(
        self,
        links: dict[str, LinkState],
        owners: Owners,
        *,
        find: Find,
        request_ids: Iterator[int],
    ) -> None:
        self._links = links
        self._owners = owners
        self._find = find
        self._request_ids = request_ids

    def seek(self, seat: Seat) -> list[Effect]:
        """Line up for a subscription at the owner; without one the seat waits to be sought for."""
        link = self.line_up(seat)
        return self.pump(link) if link else []

    def line_up(self, seat: Seat) -> str | None:
        """Do the same, and leave the pumping to the caller; returns the owner's link."""
        owner = self._owners.get(self._owners.shard_of(seat.address))
        if owner is None:
            return None
        self._links[owner.link].subscribes.want(seat)
        return owner.link

    def fetch(self, link: str, seat: Seat) -> list[Effect]:
        """Line up for a fetch."""
        self._links[link].fetches.want(seat)
        return self.pump(link)

    def answered(self, state: LinkState, seat: Seat) -> None:
        """The answer to a Subscribe has come, or is not awaited any more."""
        if seat in state.subscribing:
            state.subscribing.remove(seat)
            state.subscribes.give()

    def leave(self, seat: Seat) -> None:
        """Leave every line."""
        for state in self._links.values():
            state.subscribes.forget(seat)
            state.fetches.forget(seat)
            # A router need not answer a Subscribe whose session has gone.
            self.answered(state, seat)

    def pump(self, link: str) -> list[Effect]:
        """Send what the credits of a link allow."""
        state = self._links[link]
        out: list[Effect] = []
        while (seat := state.subscribes.take()) is not None:
            out += self._subscribe(link, state, seat)
        while (seat := state.fetches.take()) is not None:
            out += self._fetch(link, state, seat)
        return out

    def _subscribe(self, link: str, state: LinkState, seat: Seat) -> list[Effect]:
        found = self._find(seat)
        owner = self._owners.get(self._owners.shard_of(seat.address))
        if not found or found[1].link or not owner or owner.link != link:
            state.subscribes.give()
            return []
        session, follow = found
        request = session.subscribe_request(seat.address)
        follow.begin(link, owner.term)
        state.subscribing.add(seat)
        return [ToRouter(link, pb.AttachRequest(subscribe=request))]

    def _fetch(self, link: str, state: LinkState, seat: Seat) -> list[Effect]:
        found = self._find(seat)
        size = found[1].fetch_size() if found and found[1].link == link else None
        if not found or size is None:
            state.fetches.give()
            return []
        follow = found[1]
        follow.fetching = next(self._request_ids)
        state.fetching[follow.fetching] = seat
        request = pb.Fetch(
            request_id=follow.fetching,
            session_id=seat.session_id,
            address=seat.address,
            after=follow.through,
            limit=size[0],
            max_bytes=size[1],
        )
        return [ToRouter(link, pb.AttachRequest(fetch=request))]
