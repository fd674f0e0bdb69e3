"""Which session sits where: each seat is at the owner of its shard, or waits for one. PURE.

When ownership moves, seats move; sockets notice nothing of it. Methods return what is to be done.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from kull_edge.placement.admission import Lines
from kull_edge.placement.owners import LinkState, Owners, Seat, terms
from kull_edge.placement.staleness import Waiting
from kull_edge.session.config import HubConfig
from kull_edge.session.effects import Effect
from kull_edge.session.session import Session
from kull_edge.session.subscription import Follow
from kull_edge.timers import Timers
from kull_protos.mesh.v1 import attach_pb2 as pb


class RetryTimer(Seat):
    """Key of a deadline: ask again for this seat."""

    __slots__ = ()


class Placing:
    """See the module's text. `sessions` are the hub's own."""

    def __init__(
        self,
        config: HubConfig,
        sessions: Mapping[int, Session],
        *,
        timers: Timers[Any],
        request_ids: Iterator[int],
        rng: random.Random,
    ) -> None:
        self.links: dict[str, LinkState] = {}
        self.members: dict[str, dict[int, Session]] = {}  # address -> its sessions
        self._config = config
        self._sessions = sessions
        self._timers = timers
        self._rng = rng
        self._owners = Owners()
        self.waiting = Waiting(timers, stale_after=config.stale_after)
        self.lines = Lines(self.links, self._owners, find=self.find, request_ids=request_ids)

    @property
    def any_owner(self) -> bool:
        """Whether some shard has an owner."""
        return len(self._owners) > 0

    def find(self, seat: Seat) -> tuple[Session, Follow] | None:
        """Return who sits there."""
        session = self._sessions.get(seat.session_id)
        follow = session.follows.get(seat.address) if session else None
        return (session, follow) if session and follow else None

    def is_cut_off(self, address: str) -> bool:
        """Whether the queue's owner lives, as far as one can tell, and only this edge is without.

        A router that stands by for the shard knows that another one owns it. No link to any of
        several routers is rather this edge's fault than all of theirs; if there is only one, it is
        gone for the other edges as well.
        """
        shard = self._owners.shard_of(address)
        if self._owners.get(shard) is not None:
            return False
        if not self.links:
            return self._config.routers > 1
        return any(shard in link.standby for link in self.links.values())

    # Sessions

    def join(self, session: Session, address: str) -> list[Effect]:
        """A session wants to follow a queue."""
        self.members.setdefault(address, {})[session.id] = session
        return self.lines.seek(Seat(session.id, address))

    def leave(self, seat: Seat) -> None:
        """A session has ended: its seat is free."""
        self.lines.leave(seat)
        self.waiting.ends(seat)
        self._timers.cancel(RetryTimer(*seat))
        members = self.members[seat.address]
        members.pop(seat.session_id, None)
        if not members:
            del self.members[seat.address]

    def retry_later(self, seat: Seat, now: float) -> None:
        """Ask again for this seat, but not at once."""
        delay = self._rng.uniform(self._config.retry_min, self._config.retry_max)
        self._timers.schedule(RetryTimer(*seat), now + delay)

    # Links

    def link_up(self, link: str, welcome: pb.Welcome, now: float) -> list[Effect]:
        """A stream to a router is open."""
        out = self.link_down(link, now)
        self.links[link] = LinkState(welcome, max_subscribes=self._config.max_subscribes)
        if self._owners.welcome(welcome):
            self._owners.claim(self.links)
            out += self._reassign(None, now)
        return out

    def link_down(self, link: str, now: float) -> list[Effect]:
        """A stream to a router is gone; its sessions wait for another owner."""
        if self.links.pop(link, None) is None:
            return []
        out: list[Effect] = []
        for session in list(self._sessions.values()):
            for follow in session.follows.values():
                if follow.link == link:
                    out += self._detach(session, follow, now)
        return out + self._reassign(self._owners.claim(self.links), now)

    def owns(self, state: LinkState, owned: pb.OwnedShards, now: float) -> list[Effect]:
        """A router tells what it owns now."""
        state.shards, state.standby = terms(owned.shards), set(owned.standby)
        return self._reassign(self._owners.claim(self.links), now)

    def _reassign(self, shards: set[int] | None, now: float) -> list[Effect]:
        """Move the seats of these shards (None: of all) to the owners that are known now."""
        out: list[Effect] = []
        for address, members in list(self.members.items()) if shards != set() else ():
            if shards is None or self._owners.shard_of(address) in shards:
                for session in list(members.values()):
                    out += self._detach(session, session.follows[address], now)
                    self.lines.line_up(Seat(session.id, address))
        for link in self.links:
            out += self.lines.pump(link)
        return out

    def _detach(self, session: Session, follow: Follow, now: float) -> list[Effect]:
        was_attached = bool(follow.link)
        seat = Seat(session.id, follow.address)
        self.lines.leave(seat)
        if follow.joined:
            self.waiting.begins(seat, now)
        follow.detach()
        if was_attached and follow.address == session.user_address:
            return session.orphaned()
        return []
