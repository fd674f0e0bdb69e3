"""Who is let in: pages, addresses, and how many at once. No sockets."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

import kull_gateway.origins
import kull_protos.common.origins
from kull_edge.settings import EdgeSettings
from kull_edge.socket.admission import Admission, UpgradeRequest
from kull_edge.socket.client_address import client, neighbourhood, parse_networks
from kull_edge.socket.config import AdmissionConfig
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


def admission(**limits: Any) -> Admission:
    for each in ("connections_per_address", "attempts_per_address"):
        limits.setdefault(each, 0)
    return Admission(AdmissionConfig(**limits), origins=Origins())


def request(peer: str = "203.0.113.9", origin: str = "") -> UpgradeRequest:
    return UpgradeRequest(peer=peer, host="sync.example.com", origin=origin)


def test_connections_of_one_address_are_counted_and_forgotten() -> None:
    entry = admission(connections_per_address=2)
    assert [entry.admit(number, request(), 0.0) for number in (1, 2)] == [None, None]

    refusal = entry.admit(3, request(), 0.0)
    assert refusal is not None
    assert (refusal.status, refusal.why) == (HTTPStatus.TOO_MANY_REQUESTS, "connections")
    assert entry.admit(4, request("198.51.100.1"), 0.0) is None

    entry.left(1)
    entry.left(1)
    entry.left(3)
    assert entry.admit(5, request(), 0.0) is None


def test_attempts_of_one_address_are_limited_and_told_how_long_to_wait() -> None:
    entry = admission(attempts_per_address=0.5, attempts_burst=2)
    for number in (1, 2):
        assert entry.admit(number, request(), 0.0) is None

    refusal = entry.admit(3, request(), 0.0)

    assert refusal is not None
    assert (refusal.why, refusal.retry_after) == ("attempts", 2)
    assert entry.admit(4, request(), 2.0) is None


def test_networks_that_are_not_counted_are_not() -> None:
    entry = admission(connections_per_address=1, attempts_per_address=0.1, unlimited="127.0.0.0/8")

    assert [entry.admit(number, request("127.0.0.1"), 0.0) for number in range(9)] == [None] * 9


def test_who_dawdles_the_longest_goes_when_too_many_have_not_spoken() -> None:
    entry = admission(handshakes=2)
    assert [entry.arrived(number) for number in (1, 2)] == [None, None]
    entry.admit(1, request(), 0.0)

    assert entry.arrived(3) is None
    assert entry.arrived(4) == 2
    entry.left(3)
    assert entry.arrived(5) is None


def test_a_foreign_page_is_turned_away() -> None:
    refusal = admission().admit(1, request(origin="https://evil.com"), 0.0)

    assert refusal is not None
    assert (refusal.status, refusal.why) == (HTTPStatus.FORBIDDEN, "origin")
    assert "KULL_ORIGINS" in refusal.reason
    assert admission().admit(1, request(origin="https://sync.example.com"), 0.0) is None


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
