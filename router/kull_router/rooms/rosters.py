"""The rosters of all rooms whose shards are owned here, and when edges are told of them.

Nothing of it is stored, and nothing goes to RabbitMQ: after a failover the edges' subscriptions
make the rosters again, and until they had time for that nothing is told.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import Final, NamedTuple, NoReturn

from kull_protos.contract.device_tokens import ROOM_PRESENCE
from kull_protos.contract.limits import MAX_STATE_BYTES
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.fanout import Fanout
from kull_router.delivery.session_key import SessionKey
from kull_router.delivery.subscriptions import Subscription, Subscriptions
from kull_router.measures.rooms import RoomMeasures
from kull_router.rooms.room import Room, Told
from kull_router.settings import RouterSettings

INTERVAL: Final = 0.1  # seconds between what a room's edges are told
BURST: Final = 50  # rooms that are looked at before others have their turn
FIRST_TERM: Final = 1  # of a shard: nobody has owned it before


class _Lost(NamedTuple):
    """A device that has lost its connection."""

    until: float
    room: Room
    subscription: Subscription


class Rosters:
    """See the module's text. Told by `Sessions` who comes and goes."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        subscriptions: Subscriptions,
        fanout: Fanout,
        clock: Clock,
        measures: RoomMeasures,
    ) -> None:
        self._grace = settings.presence_grace
        self._limit = settings.presence_members
        self._subscriptions = subscriptions
        self._fanout = fanout
        self._clock = clock
        self._measures = measures
        self._rooms: dict[str, Room] = {}
        self._due: dict[str, None] = {}  # rooms that have something to tell, in order
        self._lost: deque[_Lost] = deque()  # all have the same time
        self._moved_at: dict[int, float] = {}  # shards: when they came here
        # One for all rooms: a room that was empty for a while goes on above where it was.
        self._numbers = count(1)
        self._work = asyncio.Event()

    def __len__(self) -> int:
        return len(self._rooms)

    @property
    def members(self) -> int:
        """Count the members of all rooms."""
        return sum(len(room.roster) for room in self._rooms.values())

    def size(self, address: str) -> int:
        """Return how many users are in a room."""
        room = self._rooms.get(address)
        return len(room.roster) if room else 0

    # Who comes and goes

    def entered(
        self, stream: EdgeStream, subscription: Subscription, term: int, place: pb.Place
    ) -> None:
        """A session follows a room from now on, or follows it again."""
        room = self._room(subscription, term)
        now = self._clock.monotonic()
        now_ms = self._clock.wall_ms()
        since_ms = place.since if 0 < place.since <= now_ms else now_ms
        room.roster.enter(
            subscription.key,
            subscription.info,
            subscription.generation,
            since_ms=since_ms,
            state=place.state if _is_state(place.state) else b"",
            stated_ms=stream.clock.here(place.stated, now) if place.stated else 0,
        )
        self._wake(room)

    def answered(self, subscription: Subscription) -> pb.Membership:
        """A session is told that it follows a room: return what its edge is told with it."""
        room = self._rooms.get(subscription.address)
        if room is None:  # it is gone meanwhile
            return pb.Membership()
        self._see(room, subscription)
        sees = room.sees(subscription.key)
        self._wake(room)
        since_ms = room.roster.since_ms(subscription.info.user)
        return pb.Membership(since=since_ms, sees=sees, number=room.known_by)

    def stated(self, stream: EdgeStream, request: pb.SetState) -> None:
        """A member has another state."""
        key = SessionKey(stream.number, request.session_id)
        subscription = self._subscriptions.get(key, request.address)
        room = self._rooms.get(request.address)
        if subscription is None or room is None or not _is_state(request.state):
            return
        stated_ms = stream.clock.here(request.stated, self._clock.monotonic())
        room.roster.state(key, subscription.info, request.state, stated_ms)
        room.ask(key, subscription.info.user)
        self._wake(room)

    def refreshed(self, subscription: Subscription) -> None:
        """A session has another token, which may grant more or less."""
        room = self._rooms.get(subscription.address)
        if room is None:
            return
        key, sees = subscription.key, room.sees(subscription.key)
        stream = self._fanout.find(key.stream)
        if stream is None or sees == _grants(subscription):
            return
        self._see(room, subscription)
        frame = pb.Roster(
            address=room.address, shard=room.shard, term=room.term, number=room.known_by
        )
        (frame.blind if sees else frame.seeing).append(key.session)
        stream.send(pb.AttachResponse(roster=frame))
        self._wake(room)

    def released(self, subscription: Subscription, *, left: bool) -> None:
        """A session follows a room no more. `left`: it will not come again: there is no grace."""
        room = self._rooms.get(subscription.address)
        if room is None:
            return
        key, info = subscription.key, subscription.info
        room.blind(key)
        if left or not self._grace:
            room.roster.leave(key, info)
        elif room.roster.lose(key, info):
            self._lost.append(_Lost(self._clock.monotonic() + self._grace, room, subscription))
        self._wake(room)

    def drop_shard(self, shard: int) -> None:
        """A shard has a new owner or term: its rooms are made again by who subscribes again."""
        self._moved_at[shard] = self._clock.monotonic()
        for room in [each for each in self._rooms.values() if each.shard == shard]:
            self._forget(room)

    # Telling

    async def run(self) -> NoReturn:
        """Tell the edges, each room at most every INTERVAL."""
        while True:
            await self._work.wait()
            began = self._clock.monotonic()
            for looked, _ in enumerate(self.look(), start=1):
                if looked % BURST == 0:
                    await asyncio.sleep(0)
            if not (self._due or self._lost):
                self._work.clear()
            self._measures.seconds.observe(self._clock.monotonic() - began)
            await asyncio.sleep(INTERVAL)

    def look(self) -> Iterator[None]:
        """Tell what is due; yields after each room."""
        now = self._clock.monotonic()
        while self._lost and self._lost[0].until <= now:
            lost = self._lost.popleft()
            lost.room.roster.expire(lost.subscription.key, lost.subscription.info)
            self._wake(lost.room)
        for address in list(self._due):
            room = self._rooms.get(address)
            if room is None:
                self._due.pop(address, None)
                continue
            told = room.tell(next(self._numbers), now, self._send)
            if told is not None:
                self._count(told)
                if not room.waits:
                    self._due.pop(address, None)
                if room.empty:
                    self._forget(room)
            yield

    def _count(self, told: Told) -> None:
        self._measures.frames.add("snapshot", n=told.snapshots)
        self._measures.frames.add("diff", n=told.diffs)
        self._measures.frames.add("count", n=told.counts)
        self._measures.changes.value += len(told.changes)
        self._measures.coalesced.value += told.changes.touches - len(told.changes)

    def _send(self, number: int, frame: pb.Roster) -> bool:
        stream = self._fanout.find(number)
        return stream is None or stream.offer(pb.AttachResponse(roster=frame))

    def _room(self, subscription: Subscription, term: int) -> Room:
        room = self._rooms.get(subscription.address)
        if room is None:
            moved_at = self._moved_at.get(subscription.shard, 0.0)
            room = self._rooms[subscription.address] = Room(
                subscription.address,
                subscription.shard,
                term,
                limit=self._limit,
                quiet_until=moved_at + self._grace if term > FIRST_TERM else 0.0,
            )
        return room

    def _see(self, room: Room, subscription: Subscription) -> None:
        if _grants(subscription):
            room.see(subscription.key, subscription.info.user)
        else:
            room.blind(subscription.key)

    def _wake(self, room: Room) -> None:
        if self._rooms.get(room.address) is room:
            self._due[room.address] = None
        self._work.set()

    def _forget(self, room: Room) -> None:
        if self._rooms.get(room.address) is room:
            del self._rooms[room.address]
            self._due.pop(room.address, None)


def _grants(subscription: Subscription) -> bool:
    granted = subscription.claims.may(subscription.address, ROOM_PRESENCE)
    return granted and subscription.takes_roster


def _is_state(state: bytes) -> bool:
    """Return whether it is what edges let through: a small JSON object, or nothing."""
    if not state:
        return True
    try:
        return len(state) <= MAX_STATE_BYTES and isinstance(json.loads(state), dict)
    except (ValueError, RecursionError):
        return False
