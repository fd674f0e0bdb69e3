"""Whether other users are online, as STATUS tells it. PURE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kull_client import messages
from kull_client.messages import Json

REF: Final = "watch"  # of a WATCH that nobody waits for


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStatus:
    """Whether a user has a connected device.

    Attributes:
        last_seen: when it had one last, in ms since the Unix epoch; 0: not known.
    """

    user_id: str
    online: bool
    last_seen: int = 0


class Statuses:
    """Of the users that are watched. What is not newer than what it knows is ignored."""

    def __init__(self) -> None:
        self.watched: tuple[str, ...] = ()
        self._known: dict[str, UserStatus] = {}
        self._generations: dict[str, tuple[int, int]] = {}

    def __getitem__(self, user_id: str) -> UserStatus | None:
        """Return what is known of a user, None if nothing is."""
        return self._known.get(user_id)

    def watch(self, user_ids: Iterable[str]) -> None:
        """Watch these users instead of those before."""
        self.watched = tuple(dict.fromkeys(user_ids))
        for user_id in self._known.keys() - set(self.watched):
            del self._known[user_id]
            self._generations.pop(user_id, None)

    def again(self) -> list[str]:
        """A new connection is open: return the message that watches the same users again.

        What it answers counts, whatever it is.
        """
        self._generations.clear()
        return [messages.watch(self.watched, REF)] if self.watched else []

    def take(self, data: Json) -> list[UserStatus]:
        """Take the data of a STATUS; return what is news. Raises BadMessage."""
        told = [
            (_status(each), messages.generation_of(each))
            for each in messages.objects(data, "users")
        ]
        news = []
        for status, generation in told:
            if generation > self._generations.get(status.user_id, (-1, -1)):
                self._generations[status.user_id] = generation
                self._known[status.user_id] = status
                news.append(status)
        return news


def _status(data: Json) -> UserStatus:
    return UserStatus(
        user_id=messages.text_of(data, "userId", None),
        online=data.get("online") is True,
        last_seen=messages.number(data, "lastSeen", 0),
    )
