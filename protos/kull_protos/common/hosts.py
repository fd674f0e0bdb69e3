"""Host names and addresses, as they stand in URLs and settings. PURE."""

from __future__ import annotations

import ipaddress


def authority(host: str, port: int) -> str:
    """Return host and port as a URL has them: an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
