"""From which address a connection comes, also behind a load balancer. PURE."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where everybody is behind one balancer, or trusted: limits per address do not count there.
PRIVATE_NETWORKS: Final = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
# Who owns one IPv6 address owns the 2**64 beside it.
_IPV6_PREFIX: Final = 64
# As proxies write them: 203.0.113.9:4711, [2001:db8::1], "[2001:db8::1]:4711".
_WITH_PORT: Final = re.compile(r"([\d.]+):\d{1,5}|\[([^\]]+)\](?::\d{1,5})?")

_DIGIT: Final = re.compile("[0-9A-Fa-f]")  # of IPv6 as well


def parse_networks(text: str) -> tuple[Network, ...]:
    """Return the networks in a list separated by commas. Raises ValueError."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise ValueError(f"{part!r} is no network, e.g. 10.0.0.0/8: {error}") from None
    return tuple(found)


def client(
    peer: str,
    forwarded: Sequence[str],
    trusted: Sequence[Network],
    unreadable: Callable[[str], None] = lambda text: None,
) -> Address | None:
    """Return who connects: the peer, or whom a trusted proxy names. None: no IP address.

    `forwarded` are the values of X-Forwarded-For. Each proxy adds the address that it saw at the
    end, with or without a port, and everything before may be made up: the last one that is no
    trusted proxy counts. `unreadable` is told what a trusted proxy has added that is no address:
    then the proxy counts.
    """
    address = _parse(peer)
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    while address is not None and hops and within(address, trusted):
        hop = hops.pop()
        named = _parse(_bare(hop))
        if named is None:
            unreadable(hop)
            break
        address = named
    return address


def counted(
    peer: str,
    forwarded: Sequence[str] = (),
    *,
    trusted: Sequence[Network] = (),
    unlimited: Sequence[Network] = (),
    unreadable: Callable[[str], None] = lambda text: None,
) -> str:
    """Return what limits count who connects by; empty: it is not counted. As `client` otherwise."""
    address = client(peer, forwarded, trusted, unreadable)
    if address is None or within(address, unlimited):
        return ""
    return neighbourhood(address)


def within(address: Address, networks: Sequence[Network]) -> bool:
    """Return whether an address is in one of the networks."""
    return any(address in network for network in networks)


def neighbourhood(address: Address) -> str:
    """Return what limits count by: an IPv4 address, or a /64 of IPv6."""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))


def _bare(hop: str) -> str:
    """Return an address without quotes, brackets and port."""
    hop = hop.strip('"')
    found = _WITH_PORT.fullmatch(hop)
    return (found[1] or found[2]) if found else hop


@lru_cache(maxsize=1024)  # the same one connects again, and a balancer always
def _parse(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def coarse(peer: str) -> str:
    """Return the network that an address is in, too large to name a person: for logs.

    A /24, of IPv6 a /48; empty for what is no address.
    """
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return ""
    bits = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, bits), strict=False))


def form_of(text: str) -> str:
    """Return how somebody writes addresses, not which: what may be a digit is x."""
    return _DIGIT.sub("x", text)
