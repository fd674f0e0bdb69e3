"""The users whose status a device watches, and what it knows of them. PURE.

A WATCH is answered when all routers that own one of the users have answered; from then on the
device hears of changes alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from kull_edge.protocol.messages import Ref, Watch
from kull_edge.protocol.server_messages import Status, UserStatus
from kull_edge.session.effects import Effect, WatchWish
from kull_edge.session.replies import Replies
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1 import attach_pb2 as pb


class Watching:
    """See the module's text."""

    __slots__ = ("_forbidden", "_known", "_open", "_ref", "_replies")

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._known: dict[str, pb.UserStatus | None] = {}  # in the order of the WATCH
        self._forbidden: list[str] = []  # of the open WATCH
        self._open = False  # it has no answer yet
        self._ref: Ref = None

    @property
    def users(self) -> list[str]:
        """Who is watched."""
        return list(self._known)

    def take(self, message: Watch) -> list[Effect]:
        """Watch others from now on."""
        told: list[Effect] = []
        if self._open:
            why = "a later WATCH came before this one was answered"
            told += self._replies.error(ErrorCode.BUSY, why, self._ref)
        self._known = dict.fromkeys(message.user_ids)
        self._forbidden.clear()
        self._open, self._ref = True, message.ref
        return [*told, WatchWish(), *self._answer()]

    def heard(self, users: Iterable[pb.UserStatus], forbidden: Iterable[str] = ()) -> list[Effect]:
        """A router told the status of users, and which of them the token does not let watch."""
        changed = [each for each in users if self._is_news(each)]
        refused = [each for each in forbidden if each in self._known]
        for user in refused:
            del self._known[user]
        if self._open:
            self._forbidden += refused
            return self._answer()
        return self._refuse(refused) + (self._tell(changed) if changed else [])

    def _is_news(self, status: pb.UserStatus) -> bool:
        """Note a status; return whether the user has come or gone."""
        user = status.user_id
        before = self._known.get(user)
        if user not in self._known or (before and _version(before) >= _version(status)):
            return False
        self._known[user] = status
        return before is None or before.online != status.online

    def _answer(self) -> list[Effect]:
        """Answer the WATCH if all is known that there is to know."""
        if any(each is None for each in self._known.values()):
            return []
        refused, ref = self._forbidden, self._ref
        told = self._refuse(refused, ref) + self._tell(filter(None, self._known.values()), ref)
        self._open, self._forbidden, self._ref = False, [], None
        return told

    def _refuse(self, users: list[str], ref: Ref = None) -> list[Effect]:
        if not users:
            return []
        why = f"the token does not let you watch {', '.join(users)}"
        return self._replies.error(ErrorCode.FORBIDDEN, why, ref)

    def _tell(self, users: Iterable[pb.UserStatus], ref: Ref = None) -> list[Effect]:
        data = Status(users=[_told(each) for each in users])
        if ref is not None:
            data["ref"] = ref
        return self._replies.message("STATUS", data)


def _version(status: pb.UserStatus) -> tuple[int, int]:
    return status.generation.term, status.generation.counter


def _told(status: pb.UserStatus) -> UserStatus:
    return UserStatus(
        userId=status.user_id,
        online=status.online,
        lastSeen=status.last_seen,
        generation=list(_version(status)),
    )
