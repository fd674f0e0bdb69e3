"""Where events are published, one outlet per kind of rival."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Protocol

from pamqp import base, commands

from bench.load import events
from kull_producers.events.message import Message
from kull_router.broker.amqp import AmqpChannel, AmqpConnection, AmqpUrl
from kull_router.broker.amqp.wire import Wire
from kull_router.errors import BrokerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How events get to users: `exchange` and `key`, in which `{user}` is the user's id.

    With a `queue` they all go there. With neither, they are published as our SDK does.
    `socketio`: the body is python-socketio's command to emit the event.
    """

    url: str
    exchange: str = ""
    key: str = ""
    everybody_key: str = "all"
    queue: str = ""
    socketio: bool = False

    def message(self, user: str) -> Message:
        """Return the template for a user, or for EVERYBODY."""
        ours = events.message(user)
        if self.queue:
            return replace(ours, exchange="", routing_key=self.queue, headers={})
        if not self.exchange:
            return ours
        key = self.everybody_key if user == events.EVERYBODY else self.key.format(user=user)
        body = _emit(ours.body, user) if self.socketio else ours.body
        return replace(ours, exchange=self.exchange, routing_key=key, body=body, headers={})


class Outlet(Protocol):
    """Publishes without waiting; what is not confirmed yet is counted."""

    @property
    def unconfirmed(self) -> int:
        """How many events are not confirmed."""
        ...

    async def open(self) -> None:
        """Connect."""
        ...

    def publish(self, user: str, *, event_id: bytes, sent: int, number: int) -> None:
        """Publish an event to a user, or to EVERYBODY."""
        ...

    async def aclose(self) -> None:
        """Disconnect."""
        ...


class Confirming(AmqpChannel):
    """A channel that counts confirms and fails on the first refusal."""

    def __init__(self, wire: Wire, number: int) -> None:
        super().__init__(wire, number)
        self.open_tags: dict[int, None] = {}
        self.failure = ""
        self.last_tag = 0

    async def confirm(self) -> None:
        """Ask for confirms."""
        await self.call(commands.Confirm.Select(), commands.Confirm.SelectOk)

    def publish(self, frames: bytes) -> None:
        """Send a message, encoded; its tag is `last_tag`."""
        if self.failure:
            raise BrokerError(self.failure)
        self.check_open()
        self.last_tag += 1
        self.open_tags[self.last_tag] = None
        self._wire.write(frames)

    def handle_return(self, returned: commands.Basic.Return, message_id: str) -> None:
        """See `AmqpChannel.handle_return`."""
        self.failure = f"no queue takes {returned.exchange} {returned.routing_key}"

    def handle_event(self, method: base.Frame) -> bool:
        """Take a confirm."""
        match method:
            case commands.Basic.Ack(delivery_tag=tag, multiple=True):
                for each in [each for each in self.open_tags if each <= tag]:
                    del self.open_tags[each]
            case commands.Basic.Ack(delivery_tag=tag):
                self.open_tags.pop(tag, None)
            case commands.Basic.Nack():
                self.failure = "RabbitMQ could not store an event"
            case _:
                return False
        return True


class AmqpOutlet:
    """RabbitMQ: persistent, mandatory, confirmed, from frames that are encoded once per user."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._templates: dict[str, bytes] = {}
        self._connection: AmqpConnection | None = None
        self._channel: Confirming | None = None

    @property
    def unconfirmed(self) -> int:
        """How many events are not confirmed."""
        return len(self._channel.open_tags) if self._channel else 0

    async def open(self) -> None:
        """See `Outlet.open`."""
        url = AmqpUrl.parse(self._route.url)
        self._connection = await AmqpConnection.open(url, name="bench", on_lost=_ignore)
        self._channel = await self._connection.channel(Confirming)
        await self._channel.confirm()

    def publish(self, user: str, *, event_id: bytes, sent: int, number: int) -> None:
        """See `Outlet.publish`."""
        assert self._channel is not None
        template = self._templates.get(user)
        if template is None:
            template = self._templates[user] = events.frames(self._route.message(user))
        self._channel.publish(events.fill(template, event_id=event_id, sent=sent, number=number))

    async def aclose(self) -> None:
        """See `Outlet.aclose`."""
        if self._connection is not None:
            await self._connection.aclose()


def _emit(event: bytes, user: str) -> bytes:
    """Return what the `emit` of python-socketio's AsyncPubSubManager publishes."""
    command = {
        "method": "emit",
        "event": "event",
        "data": [json.loads(event)],
        "binary": False,
        "namespace": "/",
        "room": user or None,
        "skip_sid": None,
        "callback": None,
        "host_id": "bench",
    }
    return json.dumps(command).encode()


def _ignore() -> None:
    """The loss of the connection shows in the next publish."""
