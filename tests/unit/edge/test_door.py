"""Who is let in: pages, addresses, and how many at once. No sockets."""

from __future__ import annotations

from http import HTTPStatus

import pytest

import kull_gateway.origins
import kull_protos.common.origins
from kull_edge.settings import EdgeSettings
from kull_edge.socket.client_address import client, neighbourhood, parse_networks
from kull_edge.socket.door import Door, DoorConfig, Visitor
from kull_protos.common.origins import Origins
from kull_protos.common.rates import Bucket, Buckets
from tests.unit.producers.test_gateway_door import PAGES

PROXIES = parse_networks("10.0.0.0/8")


def test_edge_and_gateway_have_the_same_rules_about_pages() -> None:
    for origin, host, theirs, allowed in PAGES:
        ours = Origins(allowed=theirs.allowed, local=theirs.local, literal=theirs.literal)
        assert ours.allows(origin, host) is theirs.allows(origin, host) is allowed
    for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "10.0.0.1", "example.com"):
        assert kull_protos.common.origins.is_loopback(host) is (
            kull_gateway.origins.is_loopback(host)
        )


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # no proxy of ours: not believed
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # the first part is made up
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::ffff:203.0.113.9", [], "203.0.113.9"),
        ("fe80::1%eth0", [], "fe80::1"),
        ("", ["198.51.100.1"], None),
    ],
)
def test_a_proxy_is_believed_only_if_it_is_ours(
    peer: str, forwarded: list[str], found: str | None
) -> None:
    address = client(peer, forwarded, PROXIES)

    assert (str(address) if address else None) == found


def test_who_owns_a_network_of_ipv6_counts_as_one() -> None:
    one, two, other = (
        neighbourhood(address)
        for text in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1")
        if (address := client(text, [], ())) is not None
    )

    assert one == two
    assert one != other


@pytest.mark.parametrize("value", ["nonsense", "10.0.0.1/8", "10.0.0.0/33"])
def test_a_network_that_is_none_is_refused_at_start(value: str) -> None:
    with pytest.raises(ValueError, match="is no network"):
        EdgeSettings(trusted_proxies=value)


def visitor(peer: str = "203.0.113.9", origin: str = "") -> Visitor:
    return Visitor(peer=peer, host="sync.example.com", origin=origin)


def test_connections_of_one_address_are_counted_and_forgotten() -> None:
    door = Door(DoorConfig(connections=2))
    assert [door.admit(number, visitor(), 0.0) for number in (1, 2)] == [None, None]

    turned = door.admit(3, visitor(), 0.0)
    assert turned is not None
    assert (turned.status, turned.why) == (HTTPStatus.TOO_MANY_REQUESTS, "connections")
    assert door.admit(4, visitor("198.51.100.1"), 0.0) is None

    door.left(1)
    door.left(1)
    door.left(3)
    assert door.admit(5, visitor(), 0.0) is None


def test_attempts_of_one_address_are_limited_and_told_how_long_to_wait() -> None:
    door = Door(DoorConfig(attempt_rate=0.5, attempt_burst=2))
    for number in (1, 2):
        assert door.admit(number, visitor(), 0.0) is None

    turned = door.admit(3, visitor(), 0.0)

    assert turned is not None
    assert (turned.why, turned.retry_after) == ("attempts", 2)
    assert door.admit(4, visitor(), 2.0) is None


def test_networks_that_are_not_counted_are_not() -> None:
    door = Door(
        DoorConfig(connections=1, attempt_rate=0.1, unlimited=parse_networks("127.0.0.0/8"))
    )

    assert [door.admit(number, visitor("127.0.0.1"), 0.0) for number in range(9)] == [None] * 9


def test_who_dawdles_the_longest_goes_when_too_many_have_not_spoken() -> None:
    door = Door(DoorConfig(handshakes=2))
    assert [door.arrived(number) for number in (1, 2)] == [None, None]
    door.admit(1, visitor(), 0.0)

    assert door.arrived(3) is None
    assert door.arrived(4) == 2
    door.left(3)
    assert door.arrived(5) is None


def test_a_foreign_page_is_turned_away() -> None:
    turned = Door(DoorConfig()).admit(1, visitor(origin="https://evil.com"), 0.0)

    assert turned is not None
    assert (turned.status, turned.why) == (HTTPStatus.FORBIDDEN, "origin")
    assert "KULL_ORIGINS" in turned.reason
    assert Door(DoorConfig()).admit(1, visitor(origin="https://sync.example.com"), 0.0) is None


def test_a_debt_is_paid_by_waiting() -> None:
    bucket = Bucket(rate=10, burst=5)

    assert bucket.spend(5, 0.0) == 0
    assert bucket.spend(5, 0.0) == pytest.approx(0.5)
    assert bucket.spend(0, 0.5) == pytest.approx(0)
    assert bucket.take(1, 0.5) > 0
    assert bucket.take(1, 0.6) == 0


def test_no_rate_is_no_limit() -> None:
    bucket, buckets = Bucket(rate=0, burst=1), Buckets(rate=0, burst=1)

    assert [bucket.spend(10**9, 0.0), bucket.take(10**9, 0.0), buckets.take("a", 0.0)] == [0] * 3
    assert len(buckets) == 0


def test_buckets_are_bounded_however_many_keys_come() -> None:
    buckets = Buckets(rate=1, burst=1, max_keys=100)

    for number in range(1000):
        buckets.take(number, 0.0)

    assert len(buckets) <= 100
