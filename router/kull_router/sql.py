"""The bit of SQL that the stores use of SQLite and PostgreSQL alike.

Statements keep to what both understand, with `?` for parameters; what differs is in the adapters of
`Db`: the tables, how a term is locked, how a transaction begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

Row = Sequence[Any]


class DatabaseError(Exception):
    """The database refused a statement, or is gone; the cause is the driver's error."""


class Db(Protocol):
    """One connection within a transaction. Every method raises DatabaseError."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once per row of parameters, if there are any."""
        ...

    def count(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it has changed."""
        ...

    def term(self, shard: int) -> int:
        """Return a shard's term, 0 if it has none, and let nobody change it meanwhile."""
        ...


class Connection(Db, Protocol):
    """A `Db` with transactions, and that can be lost and opened again."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open and alive."""
        ...

    def begin(self) -> None:
        """Begin a transaction that writes; opens the connection again if it was lost."""
        ...

    def begin_read(self) -> None:
        """Begin a transaction whose statements all see the same moment."""
        ...

    def commit(self) -> None:
        """Commit; durable on return."""
        ...

    def rollback(self) -> None:
        """Roll back, if there is something to."""
        ...

    def close(self) -> None:
        """Close. Idempotent."""
        ...
