"""Keeps the events of one address in order while many are in flight.

A lane is the line of an address's unsettled events, in the order of the calls. An event may be
sent as soon as all before it have been, so a lane is normally many events wide. An event that has
failed once holds back everything behind it until it is settled, so retries go out one by one, in
order, before anything newer.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Ticket:
    """An event's place in its lane. `may_go` is set while the event may be sent."""

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


class Lanes:
    """All lanes that hold events. A lane without events does not exist."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def enter(self, address: str) -> Ticket:
        """Put an event at the end of its address's lane."""
        ticket = Ticket(address)
        self._lanes.setdefault(address, _Lane()).add(ticket)
        return ticket

    def sent(self, ticket: Ticket) -> None:
        """Note that the event is on its way. It must have been allowed to go."""
        self._lanes[ticket.address].change(ticket, sent=True, failed=ticket.failed)

    def failed(self, ticket: Ticket) -> None:
        """Note that the event is to be sent again."""
        self._lanes[ticket.address].change(ticket, sent=False, failed=True)

    def leave(self, ticket: Ticket) -> None:
        """Take out an event that is settled: confirmed or given up."""
        lane = self._lanes[ticket.address]
        lane.remove(ticket)
        if not lane.line:
            del self._lanes[ticket.address]


class _Lane:
    __slots__ = ("holding_back", "line")

    def __init__(self) -> None:
        self.line: deque[Ticket] = deque()
        self.holding_back = 0

    def add(self, ticket: Ticket) -> None:
        if not self.holding_back:
            ticket.may_go.set()
        self.line.append(ticket)
        self.holding_back += 1

    def change(self, ticket: Ticket, *, sent: bool, failed: bool) -> None:
        self.holding_back -= ticket.holds_back
        ticket.sent, ticket.failed = sent, failed
        self.holding_back += ticket.holds_back
        self._wake()

    def remove(self, ticket: Ticket) -> None:
        self.line.remove(ticket)
        self.holding_back -= ticket.holds_back
        self._wake()

    def _wake(self) -> None:
        if not self.holding_back:
            return  # then nobody waits, the common case
        clear = True
        for ticket in self.line:
            if clear:
                ticket.may_go.set()
            else:
                ticket.may_go.clear()
            clear = clear and not ticket.holds_back
