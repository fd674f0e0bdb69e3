"""Who has a place among the connections, and who goes for a newcomer."""

from __future__ import annotations

from typing import Any

from kull_protos.common.client_address import PRIVATE_NETWORKS, parse_networks
from kull_protos.common.places import PlaceLimits, Places

ONE, OTHER = "203.0.113.9", "198.51.100.1"


class Rig:
    def __init__(self, **limits: Any) -> None:
        self.cut: list[int] = []
        self.told: list[str] = []
        self._count = 0
        limits = {"waiting": 1000} | limits
        self.places = Places(PlaceLimits(**limits), told=self.told.append)

    def enter(self, peer: str = ONE) -> int:
        self._count += 1
        number = self._count
        assert self.places.enter(lambda: self.cut.append(number), peer=peer) == number
        return number


def test_who_dawdles_the_longest_goes_when_too_many_have_not_spoken() -> None:
    rig = Rig(waiting=2)
    one, _two = rig.enter(), rig.enter()
    rig.places.works(one)

    three = rig.enter()
    assert rig.cut == []
    rig.enter()
    assert rig.cut == [2]
    rig.places.leave(three)
    rig.enter()
    assert rig.cut == [2]
    assert rig.told == ["waiting"]


def test_who_is_served_is_never_cut_and_the_newcomer_goes_instead() -> None:
    rig = Rig(total=2)
    for number in (rig.enter(), rig.enter()):
        rig.places.works(number)

    assert rig.cut == []
    newcomer = rig.enter()
    assert rig.cut == [newcomer]
    assert len(rig.places) == 2


def test_a_place_is_free_again_when_its_connection_is_gone() -> None:
    rig = Rig(total=1)
    first = rig.enter()
    rig.places.works(first)
    rig.places.leave(first)
    rig.places.leave(first)

    rig.places.works(rig.enter())
    assert rig.cut == []


def test_who_waits_again_is_the_newest_of_those_who_wait() -> None:
    rig = Rig(waiting=2)
    one, two = rig.enter(), rig.enter()
    rig.places.works(one)
    rig.places.waits(one)
    rig.places.waits(two)  # it did so already

    rig.enter()
    assert rig.cut == [two]


def test_one_address_takes_its_own_places_only() -> None:
    rig = Rig(waiting_per_address=2)
    other = rig.enter(OTHER)

    numbers = [rig.enter() for _ in range(5)]
    assert rig.cut == numbers[:3]
    assert rig.told == ["address"] * 3
    rig.places.works(numbers[3])
    rig.enter()
    assert other not in rig.cut
    assert rig.cut == numbers[:3]


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    rig = Rig(waiting_per_address=1)

    rig.enter("2001:db8::1")
    rig.enter("2001:db8::ffff:1")
    rig.enter("2001:db8:0:1::1")

    assert rig.cut == [1]


def test_a_balancers_network_is_not_counted() -> None:
    rig = Rig(waiting_per_address=1, unlimited=parse_networks(PRIVATE_NETWORKS))

    for _ in range(5):
        rig.enter("10.0.0.1")
        rig.enter("")

    assert rig.cut == []


def test_shedding_takes_the_oldest_that_waits_and_says_when_nobody_does() -> None:
    rig = Rig()
    one, two = rig.enter(), rig.enter()
    rig.places.works(one)

    assert rig.places.shed()
    assert rig.cut == [two]
    assert not rig.places.shed()


def test_nothing_is_kept_of_who_is_gone() -> None:
    rig = Rig(waiting=3, waiting_per_address=2, total=5)
    for number in range(1000):
        entered = rig.enter(OTHER if number % 3 else ONE)
        if number % 2:
            rig.places.works(entered)
        rig.places.leave(entered)
        rig.places.waits(entered)

    assert (len(rig.places), rig.places._waiting, rig.places._by_address) == (0, {}, {})
