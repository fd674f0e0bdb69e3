"""Who is in the rooms that sessions of this edge follow, as routers tell, and who of them is told.

A router tells an edge once for all sessions. So the edge keeps each roster: a session that comes,
or whose socket was full for a while, gets all of it from here. PURE.
"""

from __future__ import annotations

from typing import Final

from kull_edge.measures.deliveries import DeliveryMeasures
from kull_edge.placement.sessions import Sessions
from kull_edge.protocol.server_messages import Member, RoomPresence, encoded, member_json
from kull_edge.session.effects import Effect
from kull_edge.session.session import Session
from kull_edge.session.subscription import SubscriptionKey
from kull_protos.contract.limits import MAX_NEIGHBOURS
from kull_protos.mesh.v1 import attach_pb2 as pb

Version = tuple[int, int]  # term and number of a Roster
_ANY: Final[Version] = (0, 0)


class _Room:
    """One room as this edge knows it.

    Attributes:
        version: of the last frame; `_ANY`: none has come.
        sessions: those that may see it, each with the version that it waits for; None: it was told
            all that is known here.
    """

    __slots__ = ("_all", "count", "members", "partial", "sessions", "version")

    def __init__(self) -> None:
        self.version = _ANY
        self.count = 0
        self.partial = False
        self.members: dict[str, Member] = {}
        self.sessions: dict[int, Version | None] = {}
        self._all = ""

    def take(self, roster: pb.Roster) -> bool:
        """Take what is new. False: it is old, or a difference to what did not come."""
        version = (roster.term, roster.number)
        whole = roster.snapshot or roster.partial
        if version <= self.version or not (whole or (self.version != _ANY and not self.partial)):
            return False
        if whole:
            self.members.clear()
        for member in (*roster.joined, *roster.updated):
            self.members[member.user_id] = member_json(member)
        for user in roster.left:
            self.members.pop(user, None)
        self.version, self.count, self.partial = version, roster.count, roster.partial
        self._all = ""
        return True

    def data(self, address: str) -> RoomPresence:
        """Return what every PRESENCE says now."""
        data = RoomPresence(queue=address, generation=list(self.version), count=self.count)
        if self.partial:
            data["partial"] = True
        return data

    def all(self, address: str) -> str:
        """Return the snapshot that sessions are told now, as JSON."""
        if not self._all:
            data = self.data(address)
            if not self.partial:
                data["members"] = list(self.members.values())
            self._all = encoded(data)
        return self._all


class Rosters:
    """See the module's text. `measures` counts the messages."""

    def __init__(self, sessions: Sessions, measures: DeliveryMeasures) -> None:
        self._sessions = sessions
        self._measures = measures
        self._rooms: dict[str, _Room] = {}

    def member(self, key: SubscriptionKey, answer: pb.Subscribed) -> list[Effect]:
        """A session has been taken into a room, or taken again by another owner."""
        found = self._sessions.find(key)
        if found is None:  # it left while it was asked for
            return []
        room = self._rooms.setdefault(key.address, _Room())
        if not answer.membership.sees:
            room.sessions.pop(key.session_id, None)
            return []
        if room.sessions.get(key.session_id, _ANY) is None:
            return []  # it goes on from what it was told
        room.sessions[key.session_id] = (answer.term, answer.membership.number)
        return self._catch_up(key.address, room, found.session)

    def take(self, roster: pb.Roster) -> list[Effect]:
        """The owner of a room has told who is there, or who may be told."""
        room = self._rooms.get(roster.address)
        if room is None:
            return []
        for session_id in roster.blind:
            room.sessions.pop(session_id, None)
        out: list[Effect] = []
        for session_id in roster.seeing:
            room.sessions[session_id] = (roster.term, roster.number)
            if session := self._sessions.get(session_id):
                out += self._catch_up(roster.address, room, session)
        if roster.seeing or roster.blind or not room.take(roster):
            return out
        return self._tell_count(room, roster) if roster.partial else self._tell(room, roster)

    def release(self, key: SubscriptionKey) -> None:
        """A session does not follow a room any more; of other queues nothing is known here."""
        room = self._rooms.get(key.address)
        if room is None:
            return
        room.sessions.pop(key.session_id, None)
        if not self._sessions.following(key.address):
            del self._rooms[key.address]

    def writable(self, session: Session) -> list[Effect]:
        """A session's socket has room again: it is told what it has missed."""
        out: list[Effect] = []
        for subscription in session.subscriptions:
            room = self._rooms.get(subscription.address)
            if room and room.sessions.get(session.id) is not None:
                out += self._catch_up(subscription.address, room, session, of_large=True)
        return out

    def _catch_up(
        self, address: str, room: _Room, session: Session, *, of_large: bool = False
    ) -> list[Effect]:
        """Tell a session that waits what is known here, if that is new enough.

        of_large: also of a large room; who comes into one is told by its owner, with neighbours.
        """
        needed = room.sessions[session.id]
        early = needed is None or room.version == _ANY or room.version < needed
        if early or (room.partial and not of_large):
            return []
        return self._write(address, room, session, room.all(address), "snapshot")

    def _tell(self, room: _Room, roster: pb.Roster) -> list[Effect]:
        """Tell the sessions what has changed; those that wait, and all after a snapshot, all."""
        address, diff = roster.address, ""
        if not roster.snapshot and (roster.joined or roster.updated or roster.left):
            diff = encoded(_diff(room.data(address), roster))
        out: list[Effect] = []
        for session_id, needed in list(room.sessions.items()):
            session = self._sessions.get(session_id)
            if session is None or (needed is not None and needed > room.version):
                continue
            if roster.snapshot or needed is not None:
                out += self._write(address, room, session, room.all(address), "snapshot")
            elif diff:
                out += self._write(address, room, session, diff, "diff")
        return out

    def _tell_count(self, room: _Room, roster: pb.Roster) -> list[Effect]:
        address = roster.address
        near = {session: each for each in roster.neighbours for session in each.sessions}
        said: dict[int, list[Member]] = {}  # by the group
        out: list[Effect] = []
        for session_id, needed in list(room.sessions.items()):
            session, group = self._sessions.get(session_id), near.get(session_id)
            if session is None:
                continue
            if group is not None:
                members = said.setdefault(id(group), [])
                if not members:
                    members += map(member_json, group.members)
                data = room.data(address)
                others = (each for each in members if each["userId"] != session.user_id)
                data["neighbours"] = list(others)[:MAX_NEIGHBOURS]
                out += self._write(address, room, session, encoded(data), "count")
            elif not roster.quiet or needed is not None:
                out += self._write(address, room, session, room.all(address), "count")
        return out

    def _write(
        self, address: str, room: _Room, session: Session, data: str, kind: str
    ) -> list[Effect]:
        subscription = session.subscriptions.get(address)
        if subscription is None or not subscription.writable:
            room.sessions[session.id] = _ANY
            return []
        room.sessions[session.id] = None
        self._measures.presence.add(kind)
        return session.members(data)


def _diff(data: RoomPresence, roster: pb.Roster) -> RoomPresence:
    if roster.joined:
        data["joined"] = [member_json(each) for each in roster.joined]
    if roster.updated:
        data["updated"] = [member_json(each) for each in roster.updated]
    if roster.left:
        data["left"] = list(roster.left)
    return data
