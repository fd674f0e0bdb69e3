"""What was confirmed, what arrived where, and what of it must not be. PURE."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(slots=True)
class Received:
    """What one device has got of its user's numbered events."""

    user: str
    numbers: set[int] = field(default_factory=set)
    last: int = 0


class Ledger:
    """Events are numbered per user from 1; each one counts, and comes in order."""

    def __init__(self) -> None:
        self.confirmed: dict[str, int] = defaultdict(int)  # user -> highest confirmed number
        self.devices: dict[str, Received] = {}
        self.deliveries = 0
        self.repeats = 0
        self.out_of_order = 0
        self.leaked = 0
        self.not_recovered = 0

    def add_device(self, name: str, user: str) -> None:
        """Count a device from now on."""
        self.devices[name] = Received(user)

    def confirm(self, user: str, number: int) -> None:
        """The producer's outbox has accepted an event: from here on it must not be lost."""
        self.confirmed[user] = max(self.confirmed[user], number)

    def deliver(self, device: str, user: str, number: int) -> None:
        """A device got an event."""
        received = self.devices[device]
        self.deliveries += 1
        if user != received.user:
            self.leaked += 1
        elif number in received.numbers:
            self.repeats += 1
        else:
            self.out_of_order += number < received.last
            received.numbers.add(number)
            received.last = max(received.last, number)

    def lost(self) -> int:
        """Return how many confirmed events have not arrived at a device of their user."""
        return sum(
            number not in received.numbers
            for received in self.devices.values()
            for number in range(1, self.confirmed[received.user] + 1)
        )

    def level(self, marks: dict[str, int]) -> bool:
        """Whether every device has its user's event of that number, or a later one."""
        return all(
            received.last >= marks.get(received.user, 0) for received in self.devices.values()
        )

    def violations(self) -> list[str]:
        """Return what must not be, in words."""
        counted = {
            "lost": self.lost(),
            "out of order": self.out_of_order,
            "leaked to another user": self.leaked,
            "not recovered": self.not_recovered,
        }
        return [f"{count} {what}" for what, count in counted.items() if count]
