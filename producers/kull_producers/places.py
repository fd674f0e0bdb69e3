"""Where RabbitMQ may be: the hosts of an AMQP URL, and the addresses that they stand for now."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

PORTS: Final = {"amqp": 5672, "amqps": 5671}
_ENDS: Final = "/?#"  # what an authority may be followed by (RFC 3986, 3.2)


def each_host(url: str) -> list[str]:
    """Return the URL for each of its hosts: `amqp://user:password@a:5672,b,[::1]:5673/vhost`.

    All have the same account, virtual host and options. Raises ValueError, which does not show the
    URL, for what is none.
    """
    scheme, _, rest = url.partition("://")
    end = min((rest.index(each) for each in _ENDS if each in rest), default=len(rest))
    account, at, hosts = rest[:end].rpartition("@")
    found = [f"{scheme}://{account}{at}{host}{rest[end:]}" for host in hosts.split(",")]
    for each in found:
        host_and_port(each)
    return found


def host_and_port(url: str) -> tuple[str, int]:
    """Return where a URL of one host leads. Raises ValueError, which does not show the URL."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("an AMQP URL is amqp[s]://user:password@host:port/vhost")
    return parts.hostname, parts.port or PORTS[parts.scheme]


async def look_up(hosts: Sequence[tuple[str, int]], rng: random.Random) -> list[tuple[int, str]]:
    """Return every address of every host and port, with the number of the host in the list.

    In random order: those that are left share the load. Names are looked up anew each time; a host
    that is not known is left out. Raises OSError when none is known.
    """
    answers = await asyncio.gather(*(_addresses(*each) for each in hosts), return_exceptions=True)
    found: list[tuple[int, str]] = []
    unknown: OSError | None = None
    for number, answer in enumerate(answers):
        if isinstance(answer, OSError):
            unknown = answer
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found += [(number, address) for address in answer]
    if not found and unknown:
        raise unknown
    rng.shuffle(found)
    return found


async def _addresses(host: str, port: int) -> list[str]:
    with suppress(ValueError):
        return [str(ip_address(host))]  # which needs no look-up, nor a thread for it
    told = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in told))
