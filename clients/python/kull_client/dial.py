"""Opens a WebSocket."""

from __future__ import annotations

import logging
from typing import Final, Literal
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from kull_client.hosts import is_loopback
from kull_client.subprotocols import V2

CLOSE_TIMEOUT: Final = 2.0  # seconds

# websockets logs whole frames at DEBUG, and with HELLO the token.
_quiet = logging.getLogger("kull_client.websocket")
_quiet.setLevel(logging.WARNING)


class _Direct(connect):
    """Follows no redirect: whoever stands where it leads to would be given the token."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def dial(url: str, *, within: float) -> connect:
    """Return what opens a WebSocket when it is entered, and closes it when it is left.

    Entering may raise any error of `websockets` and of what that uses. within: seconds for it.
    """
    return _Direct(
        url,
        subprotocols=[Subprotocol(V2)],
        compression=None,
        open_timeout=within,
        close_timeout=CLOSE_TIMEOUT,
        logger=_quiet,
        proxy=_proxy(url),
    )


def is_websocket(url: str) -> bool:
    """Whether something could be reached there."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"ws", "wss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        return False


def _proxy(url: str) -> Literal[True] | None:
    """Whether the environment's proxy is taken: never to this machine itself."""
    return None if is_loopback(urlsplit(url).hostname or "") else True
