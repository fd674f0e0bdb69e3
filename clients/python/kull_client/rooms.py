"""The rooms that a client follows, and follows again on each connection. PURE."""

from __future__ import annotations

from itertools import count
from typing import Final

from kull_client import messages

PREFIX: Final = "room:"


def queue_of(room: str) -> str:
    """Return the queue of a room, as it is named on the wire."""
    return PREFIX + room


class Rooms:
    """Queues are named as on the wire: `room:<name>`."""

    def __init__(self) -> None:
        self._followed: dict[str, None] = {}  # in order
        self._again: dict[str, str] = {}  # ref -> queue, of JOINs that nobody waits for
        self._numbers = count(1)

    def __contains__(self, queue: object) -> bool:
        return queue in self._followed

    def again(self) -> list[str]:
        """A new connection is open: return the messages that follow all rooms again."""
        self._again = {f"room-{next(self._numbers)}": queue for queue in self._followed}
        return [messages.join(queue, ref) for ref, queue in self._again.items()]

    def joined(self, queue: str) -> None:
        """The server says that a queue is followed."""
        if queue.startswith(PREFIX):
            self._followed[queue] = None

    def gone(self, queue: str) -> None:
        """A room is followed no more."""
        self._followed.pop(queue, None)

    def refused(self, ref: str) -> str:
        """Return the room that cannot be followed again, empty if this is about something else."""
        return self._again.pop(ref, "")
