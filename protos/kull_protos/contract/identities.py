"""Who a certificate inside the mesh says that its owner is: `kull://edge/edge-1`. PURE."""

from __future__ import annotations

from typing import Final, NamedTuple

SCHEME: Final = "kull://"  # of the subject alternative name, a URI

ROUTER: Final = "router"
EDGE: Final = "edge"
OPERATOR: Final = "operator"
VIEWER: Final = "viewer"
ROLES: Final = (ROUTER, EDGE, OPERATOR, VIEWER)


class Identity(NamedTuple):
    """What its owner may do, and its name."""

    role: str
    name: str


def write(role: str, name: str) -> str:
    """Return the URI of an identity."""
    return f"{SCHEME}{role}/{name}"


def read(uri: str) -> Identity | None:
    """Return the identity in a URI, None if it holds none. The role may be one that nobody has."""
    role, slash, name = uri.removeprefix(SCHEME).partition("/")
    return Identity(role, name) if uri.startswith(SCHEME) and slash and name else None
