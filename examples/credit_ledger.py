"""A small credit ledger in SQLite, with an outbox: what it commits is also told, once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS balances (
    user TEXT PRIMARY KEY,
    credits INTEGER NOT NULL CHECK (credits >= 0)
);
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL,
    change INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    reason TEXT NOT NULL,
    told INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS untold ON entries (number) WHERE told = 0;
"""


class NotEnoughCredits(Exception):
    """The charge was not booked: the balance would have become negative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One booking. `balance` is the user's balance after it; the id is its idempotency key."""

    id: str
    user: str
    change: int
    balance: int
    reason: str


class CreditLedger:
    """Balances that are never negative and entries that are booked once."""

    def __init__(self, path: Path) -> None:
        """Open the ledger, which is created if missing. Close it with `close`."""
        self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def book(self, *, entry_id: str, user: str, change: int, reason: str) -> Entry:
        """Book a change of credits and return the entry; a repeated id returns the first booking.

        Raises:
            NotEnoughCredits: the balance would become negative; nothing was booked.
        """
        with self._transaction():
            known = self._entries("WHERE id = ?", entry_id)
            if known:
                return known[0]
            balance = self.balance(user) + change
            if balance < 0:
                raise NotEnoughCredits(
                    f"{user} has {balance - change} credits, {-change} are needed for: {reason}"
                )
            self._db.execute(
                "INSERT INTO balances VALUES (?, ?) "
                "ON CONFLICT (user) DO UPDATE SET credits = excluded.credits",
                (user, balance),
            )
            self._db.execute(
                "INSERT INTO entries (id, user, change, balance, reason) VALUES (?, ?, ?, ?, ?)",
                (entry_id, user, change, balance, reason),
            )
        return Entry(id=entry_id, user=user, change=change, balance=balance, reason=reason)

    def balance(self, user: str) -> int:
        """Return a user's credits; 0 for a user without entries."""
        row = self._db.execute("SELECT credits FROM balances WHERE user = ?", (user,)).fetchone()
        return int(row[0]) if row else 0

    def untold(self) -> list[Entry]:
        """Return the committed entries whose event is not confirmed yet, oldest first."""
        return self._entries("WHERE told = 0 ORDER BY number")

    def mark_told(self, entry_id: str) -> None:
        """Remember that the entry's event is confirmed."""
        self._db.execute("UPDATE entries SET told = 1 WHERE id = ?", (entry_id,))

    def _entries(self, where: str, *values: str) -> list[Entry]:
        rows = self._db.execute(
            f"SELECT id, user, change, balance, reason FROM entries {where}",  # noqa: S608  # constants
            values,
        )
        return [Entry(id=i, user=u, change=c, balance=b, reason=r) for i, u, c, b, r in rows]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
