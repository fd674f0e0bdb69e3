"""From which address a connection comes."""

from __future__ import annotations

import pytest

from kull_protos.common.client_address import client, neighbourhood, parse_networks

PROXIES = parse_networks("10.0.0.0/8")


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
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6:1, 198.51.100.1:4711, 10.0.0.2:80"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["[2001:db8::1]"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ['"[2001:db8::1]:4711"'], "2001:db8::1"),
        ("10.0.0.1", ["[::ffff:198.51.100.1]:4711"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:port"], "10.0.0.1"),
        ("10.0.0.1", ["[198.51.100.1"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
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


def test_what_a_proxy_says_that_is_no_address_is_told_and_the_proxy_counts() -> None:
    told: list[str] = []

    assert str(client("10.0.0.1", ["unknown"], PROXIES, told.append)) == "10.0.0.1"
    assert client("203.0.113.9", ["whatever"], PROXIES, told.append)  # not believed, not read
    assert client("10.0.0.1", ["whatever, 198.51.100.1:1"], PROXIES, told.append)

    assert told == ["unknown"]
