"""Who watches whom, and which routers are asked: the owners of the watched users' shards. PURE.

A router is asked once per session, for all of its users that it owns; after a failover in turn,
instead of all at once. What routers tell goes to the sessions that watch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from kull_edge.placement.credits import Credits
from kull_edge.placement.owners import Owners
from kull_edge.placement.sessions import Sessions
from kull_edge.session.effects import Effect, ToRouter
from kull_edge.session.session import Session
from kull_edge.timers import Timers
from kull_protos.contract import addresses
from kull_protos.mesh.v1 import attach_pb2 as pb

MOST_OPEN: Final = 32  # unanswered Watch frames per router


class WatchTimer(NamedTuple):
    """Key of a deadline: ask again whom this session watches."""

    session_id: int


class _Link:
    """The requests of one living stream."""

    __slots__ = ("credits", "open")

    def __init__(self) -> None:
        self.credits: Credits[int] = Credits(MOST_OPEN)  # sessions that are to be asked for
        self.open: set[int] = set()  # request ids


class Watches:
    """See the module's text.

    Args:
        request_ids: numbers that are unique within the edge.
        delay: returns seconds until a router that could not answer is asked again.
    """

    def __init__(
        self,
        sessions: Sessions,
        owners: Owners,
        *,
        timers: Timers[Any],
        request_ids: Iterator[int],
        delay: Callable[[], float],
    ) -> None:
        self._sessions = sessions
        self._owners = owners
        self._request_ids = request_ids
        self._timers = timers
        self._delay = delay
        self._links: dict[str, _Link] = {}
        self._asked: dict[int, set[str]] = {}  # by session: the links that serve it
        self._lists: dict[int, list[str]] = {}  # by session: whom it watches
        self._watchers: dict[str, set[int]] = {}  # by user: the sessions

    def __len__(self) -> int:
        """How many users are watched."""
        return len(self._watchers)

    # From sessions

    def watch(self, session: Session) -> list[Effect]:
        """The session watches others, or shows another token: ask all routers that it takes."""
        self._note(session.id, session.watched)
        links = self._asked.get(session.id, set()) | self._owners_of(session.watched)
        return self._want(session.id, links)

    def retry(self, session_id: int) -> list[Effect]:
        """Ask again."""
        session = self._sessions.get(session_id)
        return self.watch(session) if session else []

    def ended(self, session_id: int) -> list[Effect]:
        """The session is gone."""
        self._note(session_id, [])
        self._timers.cancel(WatchTimer(session_id))
        out: list[Effect] = []
        for link in sorted(self._asked.pop(session_id, ())):
            request = pb.Watch(request_id=next(self._request_ids), session_id=session_id)
            out.append(ToRouter(link, pb.AttachRequest(watch=request)))
        return out

    def _note(self, session_id: int, users: list[str]) -> None:
        for user in self._lists.pop(session_id, ()):
            watchers = self._watchers[user]
            watchers.discard(session_id)
            if not watchers:
                del self._watchers[user]
        if users:
            self._lists[session_id] = users
        for user in users:
            self._watchers.setdefault(user, set()).add(session_id)

    # From links

    def link_up(self, link: str) -> None:
        """A stream is open."""
        self._links[link] = _Link()

    def link_down(self, link: str) -> None:
        """A stream is gone, and whatever its router knew of who watches."""
        self._links.pop(link, None)
        for links in self._asked.values():
            links.discard(link)

    def moved(self, shards: Iterable[int] | None = None) -> list[Effect]:
        """These shards, or all, have other owners: ask them."""
        wanted: dict[str, dict[int, None]] = {}
        changed = None if shards is None else set(shards)
        for user, watchers in self._watchers.items():
            address = addresses.of_user(user)
            owner = self._owners.of(address)
            if owner and (changed is None or self._owners.shard_of(address) in changed):
                wanted.setdefault(owner.link, {}).update(dict.fromkeys(sorted(watchers)))
        out: list[Effect] = []
        for link, sessions in wanted.items():
            for session_id in sessions:
                self._links[link].credits.want(session_id)
            out += self._pump(link)
        return out

    def heard(
        self, link: str, frame: pb.Statuses, now: float
    ) -> list[tuple[Session, list[Effect]]]:
        """A router answers, or tells what has changed; return what sessions make of it.

        `pump` the link afterwards.
        """
        state = self._links[link]
        if not frame.request_id:
            return self._news(frame.users)
        if frame.request_id in state.open:
            state.open.remove(frame.request_id)
            state.credits.give()
        session = self._sessions.get(frame.session_id)
        if session is None:
            return []
        if frame.error:
            self._timers.schedule(WatchTimer(session.id), now + self._delay())
            return []
        effects = session.statuses(frame.users, frame.forbidden)
        if frame.forbidden:
            self._note(session.id, session.watched)
        return [(session, effects)]

    def _news(self, users: Iterable[pb.UserStatus]) -> list[tuple[Session, list[Effect]]]:
        news: dict[int, list[pb.UserStatus]] = {}
        for status in users:
            for session_id in self._watchers.get(status.user_id, ()):
                news.setdefault(session_id, []).append(status)
        found = [(self._sessions.get(each), told) for each, told in news.items()]
        return [(session, session.statuses(told)) for session, told in found if session]

    def pump(self, link: str) -> list[Effect]:
        """Ask what the credits of a link allow now."""
        return self._pump(link) if link in self._links else []

    # Asking

    def _owners_of(self, users: Iterable[str]) -> set[str]:
        owners = (self._owners.of(addresses.of_user(user)) for user in users)
        return {owner.link for owner in owners if owner}

    def _want(self, session_id: int, links: Iterable[str]) -> list[Effect]:
        out: list[Effect] = []
        for link in sorted(links):
            self._links[link].credits.want(session_id)
            out += self._pump(link)
        return out

    def _pump(self, link: str) -> list[Effect]:
        state = self._links[link]
        out: list[Effect] = []
        while (session_id := state.credits.take()) is not None:
            request = self._request(link, session_id)
            if request is None:
                state.credits.give()
                continue
            state.open.add(request.request_id)
            out.append(ToRouter(link, pb.AttachRequest(watch=request)))
        return out

    def _request(self, link: str, session_id: int) -> pb.Watch | None:
        """Return what to ask of a router now; None: it has nothing to do with the session."""
        session = self._sessions.get(session_id)
        if session is None:
            return None
        owned = []
        for user in session.watched:
            owner = self._owners.of(addresses.of_user(user))
            if owner and owner.link == link:
                owned.append(user)
        asked = self._asked.setdefault(session_id, set())
        if not owned and link not in asked:
            return None
        if owned:
            asked.add(link)
        else:
            asked.discard(link)
        request = session.watch_request(owned)
        request.request_id = next(self._request_ids)
        return request
