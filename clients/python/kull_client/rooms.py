"""The rooms that a client follows, and follows again on each connection. PURE."""

from __future__ import annotations

from itertools import count
from typing import Final

from kull_client import messages
from kull_client.messages import Json
from kull_client.roster import Roster

PREFIX: Final = "room:"


def queue_of(room: str) -> str:
    """Return the queue of a room, as it is named on the wire."""
    return PREFIX + room


class Rooms:
    """Queues are named as on the wire: `room:<name>`."""

    def __init__(self) -> None:
        self._followed: dict[str, Roster] = {}  # in order
        self._states: dict[str, Json] = {}  # what this client says of itself
        self._again: dict[str, str] = {}  # ref -> queue, of JOINs that nobody waits for
        self._numbers = count(1)

    def __contains__(self, queue: object) -> bool:
        return queue in self._followed

    def roster(self, queue: str) -> Roster:
        """Return who is in a room: nobody, as far as is known, if it is not followed."""
        return self._followed.get(queue) or Roster()

    def state(self, queue: str, state: Json | None) -> None:
        """Note what this client says of itself in a room, for later connections."""
        self._states.pop(queue, None)
        if state is not None:
            self._states[queue] = state

    def again(self) -> list[str]:
        """A new connection is open: return the messages that follow all rooms again."""
        self._again = {f"room-{next(self._numbers)}": queue for queue in self._followed}
        for roster in self._followed.values():
            roster.lost()
        return [
            messages.join(queue, ref, state=self._states.get(queue))
            for ref, queue in self._again.items()
        ]

    def joined(self, queue: str) -> None:
        """The server says that a queue is followed."""
        if queue.startswith(PREFIX):
            self._followed.setdefault(queue, Roster())

    def gone(self, queue: str) -> None:
        """A room is followed no more."""
        self._followed.pop(queue, None)
        self._states.pop(queue, None)

    def refused(self, ref: str) -> str:
        """Return the room that cannot be followed again, empty if this is about something else."""
        return self._again.pop(ref, "")
