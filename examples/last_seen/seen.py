"""When devices and users were last there, kept in SQLite by what `kull.presence` tells."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (
    user TEXT NOT NULL,
    device TEXT NOT NULL,
    term INTEGER NOT NULL,
    number INTEGER NOT NULL,
    online INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user, device)
) WITHOUT ROWID
"""
# The whole trick: what is not newer than what is known changes nothing, however late it comes.
_NOTE = """
INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (user, device) DO UPDATE SET
    term = excluded.term, number = excluded.number, online = excluded.online, at = excluded.at
WHERE (excluded.term, excluded.number) > (seen.term, seen.number)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A device of a user, or the user itself (no device). `at`: since when it is so, in ms."""

    user: str
    device: str
    online: bool
    at: int


class LastSeen:
    """The newest word on each device and user."""

    def __init__(self, path: Path) -> None:
        """Open the file, which is created if missing. Close it with `close`."""
        self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def note(self, message: dict[str, Any]) -> bool:
        """Take a message of `kull.presence`; False: it is old, or of another kind."""
        kind, _, word = str(message.get("type")).partition(".")
        if kind not in {"user", "device"} or word not in {"online", "offline"}:
            return False
        term, number = message["generation"]
        row = (message["userId"], message.get("deviceId", ""), term, number)
        return self._db.execute(_NOTE, (*row, word == "online", message["at"])).rowcount > 0

    def all(self) -> list[Seen]:
        """Return every device and user, in order."""
        rows = self._db.execute("SELECT user, device, online, at FROM seen ORDER BY 1, 2")
        return [Seen(user=u, device=d, online=bool(o), at=a) for u, d, o, a in rows]
