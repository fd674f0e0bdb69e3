"""How often a device may ask for something, and all devices of its user at this edge. PURE."""

from __future__ import annotations

from kull_edge.session.config import SessionConfig
from kull_protos.common.rates import Bucket, Buckets


class Rates:
    """Each method returns the seconds to wait, 0: go ahead.

    Args:
        users: the edge's, by user id.
    """

    __slots__ = ("_messages", "_pings", "_tokens", "_user", "_users")

    def __init__(self, config: SessionConfig, users: Buckets) -> None:
        self._messages = Bucket(rate=config.publish_rate, burst=config.publish_burst)
        self._tokens = Bucket(rate=config.token_rate, burst=config.token_burst)
        self._pings = Bucket(rate=config.ping_rate, burst=config.ping_burst)
        self._users = users
        self._user = ""

    def belongs_to(self, user: str) -> None:
        """A router has verified whose device it is: from now on its user's rate counts as well."""
        self._user = user

    def message(self, now: float) -> float:
        """UPDATE_PROGRESS, SEND, JOIN, LEAVE or TYPING."""
        return self._wait(self._messages, now)

    def token(self, now: float) -> float:
        """REFRESH, LOGOUT or SIGN_OUT."""
        return self._wait(self._tokens, now)

    def ping(self, now: float) -> float:
        """PING."""
        return self._wait(self._pings, now)

    def _wait(self, own: Bucket, now: float) -> float:
        wait = own.take(1, now)
        if wait or not self._user:
            return wait
        return self._users.take(self._user, now)
