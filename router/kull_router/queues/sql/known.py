"""What a connection remembers of rows that nobody else writes, so that it need not look them up."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kull_router.queues.newest import Newest
from kull_router.queues.rules import Figures

MOST: Final = 20_000  # of each kind; then all of it is forgotten


class Known:
    """All of it is committed, or written by the transaction that is open.

    Args:
        alone: whether the connection is the only one that writes; it remembers nothing otherwise.
    """

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        self._queues: dict[str, int] = {}
        self._figures: dict[int, Figures] = {}
        self._newest: dict[tuple[int, str], Newest | None] = {}
        self._terms: dict[int, int] = {}

    def forget(self) -> None:
        """What was written was undone."""
        self._queues.clear()
        self._figures.clear()
        self._newest.clear()
        self._terms.clear()

    def bound(self) -> None:
        """Forget everything if that is too much. Call it before a transaction."""
        if max(len(self._figures), len(self._newest)) > MOST:
            self.forget()

    def queues(self, addresses: Collection[str]) -> dict[str, tuple[int, Figures]]:
        """Return the row id and the counters of those queues that are known."""
        return {
            address: (row, self._figures[row])
            for address in addresses
            if (row := self._queues.get(address)) is not None
        }

    def note_queue(self, address: str, row: int, figures: Figures) -> None:
        """A queue's row id and counters were read."""
        if self._alone:
            self._queues[address] = row
            self._figures[row] = figures

    def note_figures(self, row: int, figures: Figures) -> None:
        """A queue's counters were written."""
        if row in self._figures:
            self._figures[row] = figures

    def newest(self, wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], Newest | None]:
        """Return what is known of keys, by queue's row id and key; None: there is nothing."""
        return {each: self._newest[each] for each in wanted if each in self._newest}

    def note_newest(self, row: int, key: str, newest: Newest | None) -> None:
        """The newest of a key was read or written."""
        if self._alone:
            self._newest[row, key] = newest

    def forget_newest(self) -> None:
        """Keys were removed."""
        self._newest.clear()

    def terms(self, shards: Collection[int]) -> dict[int, int]:
        """Return the terms of those shards that are known."""
        return {each: self._terms[each] for each in shards if each in self._terms}

    def note_term(self, shard: int, term: int) -> None:
        """A shard's term was read or written."""
        if self._alone:
            self._terms[shard] = term
