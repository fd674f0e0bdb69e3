"""Every error of this package.

KullError
├── InvalidEvent            the event itself is wrong; sending it again cannot help
│   └── InvalidAddress      the address is empty, too long or of no known kind
├── PublishError            RabbitMQ did not confirm the event
│   ├── PublishTimeout      no confirm in time; the event may still have been stored
│   ├── NotRoutable         the topology is missing: is a router running?
│   └── Overloaded          too many publishes are in flight already
├── ConnectError            RabbitMQ cannot be reached
│   ├── AccessRefused       it refuses the account
│   └── NoAnswer            it is connected and silent
├── ShardCountMismatch      this publisher and the deployment disagree about the shard count
│   └── NotDeployed         no router has created the topology yet
├── EventModuleError        a module with event types cannot be used; the text says why
├── OutboxError             the outbox cannot be used; nothing was accepted
│   ├── OutboxFull          it has no room: RabbitMQ is away for too long, or the disk is full
│   └── OutboxLocked        another process has it
└── PublisherClosed         used before `async with` or after its end
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Partly:
    """Of several users some were told. Repeating the call with `id` as its key tells the others.

    Attributes:
        id: the event's: as `idempotency_key` of a repeat nobody gets it twice.
        confirmed, missing: addresses, in the order of the call.
    """

    id: str
    confirmed: tuple[str, ...]
    missing: tuple[str, ...]


class KullError(Exception):
    """Root of this package's errors.

    Attributes:
        partly: of a call for several users, who was told nevertheless; None: nobody for certain.
    """

    partly: Partly | None = None


class InvalidEvent(KullError, ValueError):
    """The event is wrong; the message names the field and what it must be."""


class InvalidAddress(InvalidEvent):
    """The address is empty, too long or of no known kind."""


class PublishError(KullError):
    """RabbitMQ did not confirm the event. It may be published again with the same id."""


class PublishTimeout(PublishError, TimeoutError):
    """No confirm in time. The event may have been stored: publish it again with the same id."""


class NotRoutable(PublishError):
    """RabbitMQ has no queue for the event: the router creates the topology, is one running?"""


class Overloaded(PublishError):
    """Too many publishes are in flight: wait for some of them."""


class ConnectError(KullError, ConnectionError):
    """RabbitMQ cannot be reached, or it refuses the account."""


class NoAnswer(ConnectError):
    """RabbitMQ is connected and does not answer; the connection is made anew."""


class AccessRefused(ConnectError):
    """RabbitMQ refuses the account, or what the account wants to do."""


class ShardCountMismatch(KullError):
    """The deployment was created with another shard count than this publisher uses."""


class NotDeployed(ShardCountMismatch):
    """No router has created the topology yet: start one."""


class EventModuleError(KullError):
    """A module that should declare event types cannot be loaded, or declares them wrongly."""


class OutboxError(KullError):
    """The outbox cannot be used. The event was not accepted."""


class OutboxFull(OutboxError):
    """The outbox has no room for the event. It was not accepted."""


class OutboxLocked(OutboxError):
    """Another process has the outbox."""


class PublisherClosed(KullError, RuntimeError):
    """The publisher is not open: use it inside its `async with` block."""
