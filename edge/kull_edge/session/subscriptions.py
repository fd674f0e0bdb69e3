"""All queues that one session follows. PURE."""

from __future__ import annotations

from collections.abc import Iterator

from kull_edge.measures.deliveries import DeliveryMeasures
from kull_edge.session.effects import Release, Subscribe
from kull_edge.session.subscription import Subscription, Window
from kull_protos.contract import addresses, device_ids


class Subscriptions:
    """By address, in the order in which they began: the user's own comes first.

    Attributes:
        device_id: whose session it is; empty until that is known.
        own: to the user's own queue, from the first `subscribe` on.
    """

    __slots__ = ("_by_address", "_measures", "_window", "_writable", "device_id", "own")

    own: Subscription

    def __init__(self, window: Window, measures: DeliveryMeasures) -> None:
        self._measures = measures
        self.device_id = ""
        self._by_address: dict[str, Subscription] = {}
        self._window = window
        self._writable = True

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._by_address.values())

    def __contains__(self, address: str) -> bool:
        return address in self._by_address

    def __getitem__(self, address: str) -> Subscription:
        return self._by_address[address]

    def get(self, address: str) -> Subscription | None:
        """Return the subscription to a queue, if the session follows it."""
        return self._by_address.get(address)

    def subscribe(self, address: str) -> Subscribe:
        """Begin to follow a queue."""
        user = self.own.address.removeprefix(addresses.USER) if self._by_address else ""
        subscription = Subscription(
            address,
            device_id=device_ids.named_in(address, user, self.device_id),
            window=self._window,
            writable=self._writable,
            measures=self._measures,
        )
        if not self._by_address:
            self.own = subscription
        self._by_address[address] = subscription
        return Subscribe(subscription)

    def release(self, address: str, *, left: bool = False) -> Release:
        """Follow a queue no more; `left`: see Release."""
        return Release(self._by_address.pop(address), left)

    def set_writable(self, writable: bool) -> None:
        """The socket's write buffer is full, or has room again."""
        self._writable = writable
        for subscription in self:
            subscription.writable = writable
