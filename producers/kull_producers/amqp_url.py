"""The hosts of an AMQP URL. PURE."""

from __future__ import annotations

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
