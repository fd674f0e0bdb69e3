"""Who has how many credits: the billing service's side of the demo page."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Final, Protocol

START: Final = 120  # credits of a new user


class NotEnough(Exception):
    """The balance would become negative; nothing was booked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A change of a balance; `id` is the same for every telling of it."""

    id: str
    balance: int


class Purse(Protocol):
    """Balances that are never negative."""

    def balance(self, user: str) -> int:
        """Return a user's credits."""
        ...

    def book(self, user: str, change: int, reason: str) -> Booking:
        """Change a balance. Raises NotEnough."""
        ...

    def told(self, booking: Booking) -> None:
        """The user's devices were told."""
        ...


class MemoryPurse:
    """Forgets everything with the process; new users begin with START credits."""

    def __init__(self) -> None:
        self._balances: dict[str, int] = defaultdict(lambda: START)

    def balance(self, user: str) -> int:
        """See Purse."""
        return self._balances[user]

    def book(self, user: str, change: int, reason: str) -> Booking:
        """See Purse."""
        balance = self._balances[user] + change
        if balance < 0:
            raise NotEnough(f"{user} has {balance - change} credits, too few for: {reason}")
        self._balances[user] = balance
        return Booking(id=uuid.uuid4().hex, balance=balance)

    def told(self, booking: Booking) -> None:
        """See Purse: nothing is kept that would have to be told later."""
