"""Keeps the events of one address in order while many are in flight.

The unsettled events of an address stand in a line, in the order of the calls. An event may be
sent as soon as all before it have been, so many of a line are normally under way. An event that has
failed once holds back everything behind it until it is settled, so retries go out one by one, in
order, before anything newer.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Place:
    """An event's place in its line. `may_go` is set while the event may be sent."""

    __slots__ = ("address", "failed", "may_go", "sent")

    def __init__(self, address: str) -> None:
        self.address = address
        self.may_go = asyncio.Event()
        self.sent = False
        self.failed = False

    @property
    def holds_back(self) -> bool:
        """Whether the events behind this one must wait."""
        return self.failed or not self.sent


class PublishOrder:
    """The lines of all addresses that have unsettled events."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def enter(self, address: str) -> Place:
        """Put an event at the end of its address's line."""
        place = Place(address)
        self._lines.setdefault(address, _Line()).add(place)
        return place

    def sent(self, place: Place) -> None:
        """Note that the event is on its way. It must have been allowed to go."""
        self._lines[place.address].change(place, sent=True, failed=place.failed)

    def failed(self, place: Place) -> None:
        """Note that the event is to be sent again."""
        self._lines[place.address].change(place, sent=False, failed=True)

    def release(self, place: Place) -> None:
        """Take out an event that is settled: confirmed or given up."""
        line = self._lines[place.address]
        line.remove(place)
        if not line.places:
            del self._lines[place.address]


class _Line:
    __slots__ = ("holding_back", "places")

    def __init__(self) -> None:
        self.places: deque[Place] = deque()
        self.holding_back = 0

    def add(self, place: Place) -> None:
        if not self.holding_back:
            place.may_go.set()
        self.places.append(place)
        self.holding_back += 1

    def change(self, place: Place, *, sent: bool, failed: bool) -> None:
        self.holding_back -= place.holds_back
        place.sent, place.failed = sent, failed
        self.holding_back += place.holds_back
        self._wake()

    def remove(self, place: Place) -> None:
        self.places.remove(place)
        self.holding_back -= place.holds_back
        self._wake()

    def _wake(self) -> None:
        if not self.holding_back:
            return  # then nobody waits, the common case
        clear = True
        for place in self.places:
            if clear:
                place.may_go.set()
            else:
                place.may_go.clear()
            clear = clear and not place.holds_back
