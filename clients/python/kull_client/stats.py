"""What a client has counted since it was made: for logs, or to export as an application likes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kull_client.inbox import Inbox
from kull_client.state import State


class Stats:
    """Numbers that only grow; read them on the event loop.

    Attributes:
        attempts: to connect.
        connects: of them, those that were welcomed.
        failures: of them, those that were not.
        losses: connections that ended by themselves and were, or will be, made anew.
        connect_seconds: from the attempt to WELCOME, of all connects together.
        last_connect_seconds: the same of the last one.
        stale: times that the server lost touch with what feeds it.
    """

    def __init__(self, inbox: Inbox, *, now: Callable[[], float] | None = None) -> None:
        self.attempts = self.connects = self.failures = self.losses = self.stale = 0
        self.connect_seconds = self.last_connect_seconds = 0.0
        self._inbox = inbox
        self._now = now or _loop_time
        self._name = "idle"
        self._since = 0.0  # when the attempt, or the connection, began
        self._connected_seconds = 0.0
        self._was_stale = False

    @property
    def events(self) -> int:
        """Events that the application was given."""
        return self._inbox.taken

    @property
    def recoveries_lost(self) -> int:
        """Of them, those that told that something is missing: `RECOVERY_LOST`."""
        return self._inbox.losses

    @property
    def waiting(self) -> int:
        """Events that wait for the application right now."""
        return len(self._inbox)

    @property
    def connected_seconds(self) -> float:
        """How long there was a connection."""
        running = self._now() - self._since if self._name == "connected" else 0.0
        return self._connected_seconds + running

    def told(self, state: State) -> None:
        """The client is in a state."""
        before, self._name = self._name, state.name
        if state.name == "connected":
            self.stale += state.stale and not self._was_stale
        self._was_stale = state.stale
        if state.name == before:
            return
        now = self._now()
        if before == "connected":
            self._connected_seconds += now - self._since
            self.losses += state.name == "waiting"
        elif before == "connecting" and state.name == "connected":
            self.connects += 1
            self.last_connect_seconds = now - self._since
            self.connect_seconds += self.last_connect_seconds
        elif before == "connecting":
            self.failures += 1
        self.attempts += state.name == "connecting"
        self._since = now


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
