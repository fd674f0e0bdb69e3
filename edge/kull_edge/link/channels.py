"""How a channel to a router is opened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final

import grpc

# A proxy in the environment (http_proxy) is for the outside, and knows no router.
DIRECT: Final = ("grpc.enable_http_proxy", 0)
# A router that was away is found again at once.
RECONNECT: Final = (("grpc.max_reconnect_backoff_ms", 1_000),)


class Channels:
    """`async with Channels(credentials)`: one to each router, kept from when it is first asked."""

    def __init__(self, credentials: grpc.ChannelCredentials | None) -> None:
        self._credentials = credentials
        self._open: dict[str, grpc.aio.Channel] = {}

    async def __aenter__(self) -> Channels:
        """Begin with none."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close them: what is asked over them is broken off."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close them; a later call opens new ones."""
        channels, self._open = self._open, {}
        await asyncio.gather(*(each.close() for each in channels.values()))

    def to(self, target: str) -> grpc.aio.Channel:
        """Return the channel to `host:port`."""
        channel = self._open.get(target)
        if channel is None:
            channel = self._open[target] = open_channel(target, self._credentials, RECONNECT)
        return channel


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
