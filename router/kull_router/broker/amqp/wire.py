"""What a channel needs of its connection. PURE."""

from __future__ import annotations

from typing import Protocol

from pamqp import base, commands

from kull_router.errors import BrokerError


class Numbered(Protocol):
    """A channel as its connection sees it."""

    number: int

    def lost(self, error: BrokerError) -> None:
        """Learn that the channel is gone."""
        ...


class Wire(Protocol):
    """The connection as its channels see it."""

    max_frame: int  # bytes, as negotiated

    def send(self, channel: int, method: base.Frame) -> None:
        """Send a method. Does not wait."""
        ...

    def write(self, data: bytes) -> None:
        """Send encoded frames. Does not wait; ask `writable` before sending much."""
        ...

    async def writable(self) -> None:
        """Wait until RabbitMQ reads what was sent. Returns at once on a lost connection."""
        ...

    def hold(self, size: int) -> None:
        """Note that so many bytes of deliveries are in memory, or no longer if it is negative.

        Above a limit nothing more is read, and RabbitMQ waits.
        """
        ...

    def refused(self, channel: Numbered, close: commands.Channel.Close) -> None:
        """RabbitMQ closed this channel."""
        ...

    def freed(self, channel: Numbered) -> None:
        """RabbitMQ has answered the close: the channel's number may be used again."""
        ...
