"""Devices that watch users: asked by edges, told what changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, NoReturn

import structlog

from kull_protos.contract.limits import MAX_WATCHED
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.access.authority import Authority
from kull_router.access.tokens import Claims
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.fanout import Fanout
from kull_router.delivery.session_key import SessionKey
from kull_router.delivery.subscriptions import Subscriptions
from kull_router.errors import StoreError, TokenRefused
from kull_router.measures.status import StatusMeasures
from kull_router.queues.presence_log import PresenceLog
from kull_router.sessions.registry import Change, Presence
from kull_router.status.statuses import Status, Statuses
from kull_router.status.watchers import Watchers

log = structlog.get_logger(__name__)

TELL_EVERY: Final = 0.1  # seconds: what changes meanwhile goes together
MOST_AT_ONCE: Final = 500  # users in one frame


class Watches:
    """Answers Watch, and tells the edges of watched users who come and go."""

    def __init__(
        self,
        *,
        statuses: Statuses,
        authority: Authority,
        subscriptions: Subscriptions,
        fanout: Fanout,
        store: PresenceLog,
        clock: Clock,
        measures: StatusMeasures,
    ) -> None:
        self._statuses = statuses
        self._authority = authority
        self._subscriptions = subscriptions
        self._fanout = fanout
        self._store = store
        self._clock = clock
        self._measures = measures
        self.watchers = Watchers(statuses.shard_of)
        self._changed: dict[str, None] = {}  # users, in order
        self._unsettled: set[int] = set()  # shards whose watched users are told when they are
        # Who may yet turn out to share a room with whom, once all have subscribed again.
        self._undecided: dict[SessionKey, tuple[EdgeStream, pb.Watch]] = {}

    def changed(self, presence: Presence, change: Change) -> None:
        """A device has come or gone."""
        if any(True for _ in self.watchers.streams(presence.info.user)):
            self._changed[presence.info.user] = None

    def moved(self, shard: int) -> None:
        """The shard has a new term here, or none: its watchers will ask the owner."""
        self.watchers.remove_shard(shard)
        self._unsettled.discard(shard)
        if self._statuses.term_of(shard) is not None:
            self._unsettled.add(shard)

    def detach(self, stream: EdgeStream) -> None:
        """An edge is gone, and all who watch there."""
        self.watchers.remove_stream(stream.number)
        for key in [key for key in self._undecided if key.stream == stream.number]:
            del self._undecided[key]

    async def asked(self, stream: EdgeStream, request: pb.Watch) -> None:
        """Let a session watch users; the answer is Statuses."""
        answer = pb.Statuses(request_id=request.request_id, session_id=request.session_id)
        key = SessionKey(stream.number, request.session_id)
        self._undecided.pop(key, None)
        try:
            allowed = self._allowed(stream, request, answer) if request.user_ids else []
        except TokenRefused as refused:
            self.watchers.set(key, ())
            answer.error = str(refused)
            stream.send(pb.AttachResponse(statuses=answer))
            return
        # Before anything is looked up: a change that comes in between must be told.
        if not stream.closed:
            self.watchers.set(key, allowed)
        answer.users.extend(await self._messages(allowed))
        stream.send(pb.AttachResponse(statuses=answer))

    def _allowed(self, stream: EdgeStream, request: pb.Watch, answer: pb.Statuses) -> list[str]:
        """Return whom the session may watch, of the users of this router. Raises TokenRefused."""
        claims = self._authority.verify(request.token, connected=True)
        self._authority.check(claims, request.device_id)
        rooms = {room for room in claims.rooms if claims.may(room, "presence")}
        allowed = []
        for user in list(dict.fromkeys(request.user_ids))[:MAX_WATCHED]:
            if self._statuses.term_of(self._statuses.shard_of(user)) is None:
                continue
            if self._may_watch(claims, rooms, user):
                allowed.append(user)
            elif self._unsettled:
                key = SessionKey(stream.number, request.session_id)
                self._undecided[key] = (stream, request)
            else:
                answer.forbidden.append(user)
        return allowed

    def _may_watch(self, claims: Claims, rooms: set[str], user: str) -> bool:
        if user in claims.contacts or user == claims.user:
            return True
        return any(each.address in rooms for each in self._subscriptions.all(user))

    async def run(self) -> NoReturn:
        """Tell what has changed, together."""
        while True:
            await asyncio.sleep(TELL_EVERY)
            for shard in [each for each in self._unsettled if self._statuses.is_settled(each)]:
                self._unsettled.discard(shard)
                self._changed |= dict.fromkeys(self.watchers.of_shard(shard))
            await self._decide()
            while self._changed:
                some = list(self._changed)[:MOST_AT_ONCE]
                for user in some:
                    del self._changed[user]
                await self._tell(some)

    async def _decide(self) -> None:
        """Answer again where somebody was left out, since now it is known who is where."""
        if self._unsettled:
            return
        for key, (stream, request) in list(self._undecided.items()):
            if self._undecided.get(key, (stream, None))[1] is request:
                await self.asked(stream, request)

    async def _tell(self, users: Sequence[str]) -> None:
        """Send each edge what its sessions watch."""
        of_stream: dict[int, list[pb.UserStatus]] = {}
        for message in await self._messages(users):
            for number in self.watchers.streams(message.user_id):
                of_stream.setdefault(number, []).append(message)
        for number, messages in of_stream.items():
            if stream := self._fanout.find(number):
                self._measures.told.value += len(messages)
                stream.send(pb.AttachResponse(statuses=pb.Statuses(users=messages)))

    async def _messages(self, users: Iterable[str]) -> list[pb.UserStatus]:
        """Return the statuses of these users that are known here."""
        return [
            message_of(status, seen_ms)
            for status, seen_ms in await known(users, self._statuses, self._store, self._clock)
        ]


async def known(
    users: Iterable[str], statuses: Statuses, store: PresenceLog, clock: Clock
) -> list[tuple[Status, int]]:
    """Return the statuses that are known here, each with when the user was last here; 0: unknown.

    That of who is there is now.
    """
    wanted = list(users)
    away = [user for user in wanted if (found := statuses.of(user)) and not found.online]
    try:
        seen = await store.last_seen(away) if away else {}
    except StoreError as error:
        log.warning("last_seen_not_read", why=str(error))
        seen = {}
    # Looked at after the store's answer: news that went out meanwhile are older than this.
    found_now = [status for user in wanted if (status := statuses.of(user))]
    now_ms = clock.wall_ms()
    return [(each, now_ms if each.online else seen.get(each.user, 0)) for each in found_now]


def message_of(status: Status, seen_ms: int) -> pb.UserStatus:
    """Return a status as it is sent."""
    term, counter = status.generation
    return pb.UserStatus(
        user_id=status.user,
        online=status.online,
        last_seen=seen_ms,
        generation=pb.Generation(term=term, counter=counter),
    )
