"""How often each address may try."""

from __future__ import annotations

from kull_protos.common.address_rates import AddressRates
from kull_protos.common.client_address import parse_networks

PROXY = "10.0.0.1"


def rates(**more: str) -> AddressRates:
    networks = {name: parse_networks(text) for name, text in more.items()}
    return AddressRates(rate=1, burst=2, **networks)


def tries(limit: AddressRates, peer: str, *forwarded: str, times: int = 3, of: str = "") -> int:
    """Return how many of so many attempts at one moment are let in."""
    return sum(limit.take(peer, forwarded, 0.0, of=of) == 0 for _ in range(times))


def test_each_address_has_attempts_of_its_own_and_gets_them_back() -> None:
    limit = rates()

    assert tries(limit, "203.0.113.1") == 2
    assert tries(limit, "203.0.113.2") == 2
    assert 0 < limit.take("203.0.113.1", [], 0.5) <= 0.5
    assert limit.take("203.0.113.1", [], 1.0) == 0


def test_who_owns_a_network_of_ipv6_has_the_attempts_of_one() -> None:
    limit = rates()

    assert tries(limit, "2001:db8::1") == 2
    assert tries(limit, "2001:db8::2") == 0


def test_behind_a_proxy_of_ours_each_caller_counts_and_another_proxy_is_one_caller() -> None:
    limit = rates(trusted="10.0.0.0/8")

    assert tries(limit, PROXY, "203.0.113.1") == 2
    assert tries(limit, PROXY, "203.0.113.2") == 2
    assert tries(limit, "192.0.2.1", "203.0.113.3") == 2
    assert tries(limit, "192.0.2.1", "203.0.113.4") == 0


def test_what_is_unlimited_or_has_no_address_is_not_counted() -> None:
    limit = rates(unlimited="10.0.0.0/8")

    assert tries(limit, PROXY, times=100) == 100
    assert tries(limit, "", times=100) == 100


def test_who_is_known_has_attempts_beside_the_others_of_the_address() -> None:
    limit = rates()

    assert tries(limit, PROXY) == 2
    assert tries(limit, PROXY, of="anna") == 2
    assert tries(limit, PROXY, of="rita") == 2
    assert tries(limit, PROXY, of="anna") == 0
