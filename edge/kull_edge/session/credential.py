"""A session's token: when it ends, and the one that may follow it. PURE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kull_edge.protocol.messages import Refresh
from kull_edge.protocol.server_messages import TokenExpired
from kull_edge.session.deadlines import Deadline, Deadlines
from kull_edge.session.effects import Effect, RefreshWish
from kull_edge.session.replies import Replies
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1.attach_pb2 import Refreshed, Subscribed

SAME_MS: Final = 1000  # clocks that differ by less are left alone


class Credential:
    """What a session showed, and what its device wants to show instead."""

    __slots__ = (
        "_asked",
        "_closes_ms",
        "_deadlines",
        "_expires_ms",
        "_replies",
        "_token",
        "_wall_ms",
    )

    def __init__(
        self, token: str, *, replies: Replies, deadlines: Deadlines, wall_ms: Callable[[], int]
    ) -> None:
        self._token = token
        self._replies = replies
        self._deadlines = deadlines
        self._wall_ms = wall_ms
        self._expires_ms = self._closes_ms = 0  # since the Unix epoch; 0: never
        self._asked: Refresh | None = None  # that a router is looking at

    @property
    def token(self) -> str:
        """The newest one that a router has accepted, or the first one."""
        return self._token

    def show(self, token: str) -> None:
        """The first one comes in HELLO."""
        self._token = token

    def set_end(self, answer: Subscribed | Refreshed, now: float) -> None:
        """Note what a router says: when the token expires, and when the session closes.

        A router's clock decides that. Devices hold it against the times of our messages, so that
        clocks that differ are levelled in the answer.
        """
        router_ms = answer.now or self._wall_ms()
        if abs(self._wall_ms() - router_ms) > SAME_MS and answer.expires_at:
            answer.expires_at += self._wall_ms() - router_ms
            answer.closes_at += self._wall_ms() - router_ms
            router_ms = self._wall_ms()
        expires_ms = answer.expires_at
        self._expires_ms, self._closes_ms = expires_ms, max(expires_ms, answer.closes_at)
        self._deadlines.cancel(Deadline.END, Deadline.EXPIRY)
        if expires_ms:
            grace = self._closes_ms > expires_ms
            left = max(0, expires_ms - router_ms) / 1000
            self._deadlines.set(Deadline.EXPIRY if grace else Deadline.END, now + left)

    def expired(self, now: float) -> list[Effect]:
        """The session goes on for a while, so that the token may be refreshed."""
        self._deadlines.set(Deadline.END, now + (self._closes_ms - self._expires_ms) / 1000)
        return self._replies.notice("TOKEN_EXPIRED", TokenExpired(closesAt=self._closes_ms))

    def refresh(self, message: Refresh) -> list[Effect]:
        """The device shows another token: its user's router shall look at it."""
        if self._asked:
            why = "wait for the answer to the REFRESH before"
            return self._replies.error(ErrorCode.BUSY, why, message.ref)
        self._asked = message
        return [RefreshWish(message.token)]

    def refreshed(self, answer: Refreshed, now: float) -> list[Effect]:
        """The user's router has looked at it; the others are told afterwards."""
        asked, self._asked = self._asked, None
        if asked is None:
            return []
        if answer.error_code:
            return self._replies.error(answer.error_code, answer.error, asked.ref)
        self._token = asked.token
        self.set_end(answer, now)
        told = self._replies.refreshed(answer.expires_at, asked.ref)
        return [*told, RefreshWish(self._token, others=True)]

    def orphaned(self) -> list[Effect]:
        """The user's router is gone and will not answer."""
        asked, self._asked = self._asked, None
        return self._replies.unavailable(asked.ref) if asked else []
