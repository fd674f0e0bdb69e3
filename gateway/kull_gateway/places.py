# Generated from protos/kull_protos/common/places.py by `make contract`: do not edit.
"""Places for connections: a bounded number, and who goes when a newcomer needs one. PURE.

Who waits for its peer (for a request's head or body, for the next request, for a token) may be cut
for a newcomer, the one that has waited the longest first. Who is being served is never cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kull_gateway.client_address import Network, counted

Cut = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceLimits:
    """How many connections there may be.

    Attributes:
        total: of all kinds; 0: no limit.
        waiting: of those that wait for their peer.
        waiting_per_address: of those, from one address (IPv6: /64); 0: no limit.
        unlimited: networks that `waiting_per_address` does not count: load balancers.
    """

    waiting: int
    total: int = 0
    waiting_per_address: int = 0
    unlimited: tuple[Network, ...] = ()


@dataclass(slots=True)
class _Place:
    cut: Cut
    address: str  # empty: not counted


@dataclass(slots=True)
class Places:
    """Who has a place. Places are known by their numbers.

    Attributes:
        told: called with the limit that somebody was cut for: `total`, `waiting`, `address`, or
            `descriptors` when it was shed.
    """

    limits: PlaceLimits
    told: Callable[[str], None] = lambda limit: None
    _last: int = 0
    _places: dict[int, _Place] = field(default_factory=dict)
    _waiting: dict[int, None] = field(default_factory=dict)  # the longest first
    _by_address: dict[str, dict[int, None]] = field(default_factory=dict)  # of those that wait

    def __len__(self) -> int:
        return len(self._places)

    def enter(self, cut: Cut, *, peer: str) -> int:
        """Give a connection from the address `peer` a place, and return its number. It waits.

        `cut` ends the connection: it may be called from here on, also before this returns.
        """
        self._last += 1
        number = self._last
        address = self._counted(peer)
        self._places[number] = _Place(cut, address)
        self.waits(number)
        limits = self.limits
        if address and len(self._by_address[address]) > limits.waiting_per_address:
            self._cut(next(iter(self._by_address[address])), "address")
        elif len(self._waiting) > limits.waiting:
            self._cut(next(iter(self._waiting)), "waiting")
        elif limits.total and len(self._places) > limits.total:
            self._cut(next(iter(self._waiting)), "total")
        return number

    def shed(self) -> bool:
        """Descriptors are scarce: cut who has waited the longest. False: nobody waits."""
        if not self._waiting:
            return False
        self._cut(next(iter(self._waiting)), "descriptors")
        return True

    def works(self, number: int) -> None:
        """The connection is served: it is not cut. Idempotent."""
        place = self._places.get(number)
        if place is not None:
            self._no_longer_waits(number, place)

    def waits(self, number: int) -> None:
        """The connection waits for its peer, if it did not do so already from now on."""
        place = self._places.get(number)
        if place is None or number in self._waiting:
            return
        self._waiting[number] = None
        if place.address:
            self._by_address.setdefault(place.address, {})[number] = None

    def leave(self, number: int) -> None:
        """The connection is gone. Idempotent."""
        place = self._places.pop(number, None)
        if place is not None:
            self._no_longer_waits(number, place)

    def _cut(self, number: int, limit: str) -> None:
        place = self._places[number]
        self.leave(number)
        self.told(limit)
        place.cut()

    def _no_longer_waits(self, number: int, place: _Place) -> None:
        self._waiting.pop(number, None)
        if of_address := self._by_address.get(place.address):
            of_address.pop(number, None)
            if not of_address:
                del self._by_address[place.address]

    def _counted(self, peer: str) -> str:
        if not self.limits.waiting_per_address:
            return ""
        return counted(peer, unlimited=self.limits.unlimited)
