"""How a channel to a router is opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import grpc

# A proxy in the environment (http_proxy) is for the outside, and knows no router.
DIRECT: Final = ("grpc.enable_http_proxy", 0)


def open_channel(
    target: str,
    credentials: grpc.ChannelCredentials | None,
    options: Sequence[tuple[str, Any]] = (),
) -> grpc.aio.Channel:
    """Return a channel to `host:port`, never by a proxy; without credentials in plain text."""
    options = (DIRECT, *options)
    if credentials:
        return grpc.aio.secure_channel(target, credentials, options=options)
    return grpc.aio.insecure_channel(target, options=options)


def open_sync_channel(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    """Return the same for code without asyncio."""
    if credentials:
        return grpc.secure_channel(target, credentials, options=[DIRECT])
    return grpc.insecure_channel(target, options=[DIRECT])
