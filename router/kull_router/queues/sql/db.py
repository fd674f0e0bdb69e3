"""The bit of SQL that the stores use of SQLite and PostgreSQL alike.

Statements keep to what both understand, with `?` for parameters; what differs is in the adapters of
`Db`: the types of columns, how rows are locked, how a transaction begins.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from kull_router.queues.sql.known import Known

Row = Sequence[Any]


class DatabaseError(Exception):
    """The database refused a statement, or is gone; the cause is the driver's error."""


class Refused(DatabaseError):
    """The database will not take these values, however often they come."""


class Db(Protocol):
    """One connection within a transaction. Every method raises DatabaseError.

    Attributes:
        known: what it remembers of rows. Forgotten when a transaction is rolled back.
    """

    known: Known

    @property
    def lock(self) -> str:
        """Ends a query: nobody else changes its rows of `q` until this transaction has ended."""
        ...

    @property
    def lock_free(self) -> str:
        """The same, but leaves out the rows that somebody else has locked."""
        ...

    @property
    def share(self) -> str:
        """Ends a query: its rows of `s` stay as they are until this transaction has ended."""
        ...

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        ...

    def look_up(self, sql: str, wanted: Collection[Sequence[Any]]) -> list[Row]:
        """Run a query on `{wanted}`, a table of these rows with columns column1, column2, ….

        Rows are of the same types. None wanted: none found.
        """
        ...

    def write(self, sql: str, wanted: Collection[Sequence[Any]]) -> None:
        """Run a statement that changes something for each row of `{wanted}`, if there are any."""
        ...

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement without result."""
        ...

    def count(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it has changed."""
        ...


class Connection(Db, Protocol):
    """A `Db` with transactions, and that can be lost and opened again."""

    def begin(self) -> None:
        """Begin a transaction that writes; opens the connection again if it was lost."""
        ...

    def begin_read(self) -> None:
        """Begin a transaction whose queries all see the same moment."""
        ...

    def begin_migration(self) -> None:
        """Begin a transaction that changes tables: nobody else is in one, and it may take long."""
        ...

    @property
    def words(self) -> Mapping[str, str]:
        """What each `$word` of a migration means in this database."""
        ...

    def has_table(self, name: str) -> bool:
        """Whether there is a table of this name."""
        ...

    def history(self) -> str:
        """Return what changes when stored entries may have been lost or undone; empty: no telling.

        Only when there are tables.
        """
        ...

    def commit(self) -> None:
        """Commit; durable on return."""
        ...

    def rollback(self) -> bool:
        """End the transaction, if one is open, without committing.

        False: the connection is lost, and a commit that was under way may have happened.
        """
        ...

    def close(self) -> None:
        """Close. Idempotent."""
        ...
