"""Publishing in bursts, as our SDK does when asked to: see `kull_producers.publishing.bursts`.

What is published in one turn of the event loop for one shard shares a message; behind two messages
of a shard that are not confirmed, its events wait and then go together.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Final, NamedTuple

from pamqp import base

from bench.load import events
from bench.load.outlets import Confirming, Route
from kull_producers.events import batch
from kull_producers.events.message import Message
from kull_producers.publishing.bursts import UNDER_WAY
from kull_router.broker.amqp import AmqpConnection, AmqpUrl, content
from kull_router.broker.amqp.wire import Wire

MAX_FRAME: Final = 131_072


class _Template(NamedTuple):
    """What an event of a user is filled into: alone, and as a record of a batch."""

    shard: str
    message: Message
    frames: bytes
    record: bytes


class _Waiting(NamedTuple):
    template: _Template
    event_id: bytes
    sent: int
    number: int

    def filled(self, data: bytes) -> bytes:
        return events.fill(data, event_id=self.event_id, sent=self.sent, number=self.number)


class _Channel(Confirming):
    """Tells which messages were confirmed."""

    def __init__(self, wire: Wire, number: int) -> None:
        super().__init__(wire, number)
        self.confirmed: Callable[[], None] = lambda: None

    def handle_event(self, method: base.Frame) -> bool:
        taken = super().handle_event(method)
        self.confirmed()
        return taken


class BurstOutlet:
    """See `Outlet`: as `AmqpOutlet`, with several events in a message."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._templates: dict[str, _Template] = {}
        self._lines: dict[str, deque[_Waiting]] = defaultdict(deque)
        self._under_way: dict[int, tuple[str, int]] = {}  # by tag: shard and events
        self._messages: dict[str, int] = defaultdict(int)  # under way, by shard
        self._called: set[str] = set()
        self._unconfirmed = 0
        self._connection: AmqpConnection | None = None
        self._channel: _Channel | None = None

    @property
    def unconfirmed(self) -> int:
        """How many events are not confirmed."""
        return self._unconfirmed

    async def open(self) -> None:
        """See `Outlet.open`."""
        url = AmqpUrl.parse(self._route.url)
        self._connection = await AmqpConnection.open(url, name="bench", on_lost=lambda: None)
        self._channel = await self._connection.channel(_Channel)
        await self._channel.confirm()
        self._channel.confirmed = self._look_at_confirms

    def publish(self, user: str, *, event_id: bytes, sent: int, number: int) -> None:
        """See `Outlet.publish`."""
        template = self._templates.get(user) or self._template(user)
        self._lines[template.shard].append(_Waiting(template, event_id, sent, number))
        self._unconfirmed += 1
        if template.shard not in self._called:
            self._called.add(template.shard)
            asyncio.get_running_loop().call_soon(self._send, template.shard)

    async def aclose(self) -> None:
        """See `Outlet.aclose`."""
        if self._connection is not None:
            await self._connection.aclose()

    def _template(self, user: str) -> _Template:
        message = self._route.message(user)
        shard = message.routing_key.partition(".")[0]
        made = _Template(shard, message, events.frames(message), batch.record_of(message))
        self._templates[user] = made
        return made

    def _send(self, shard: str) -> None:
        assert self._channel is not None
        self._called.discard(shard)
        line = self._lines[shard]
        while line and self._messages[shard] < UNDER_WAY:
            taken = [line.popleft() for _ in range(min(len(line), batch.MAX_EVENTS))]
            self._channel.publish(_frames(taken))
            self._under_way[self._channel.last_tag] = (shard, len(taken))
            self._messages[shard] += 1

    def _look_at_confirms(self) -> None:
        assert self._channel is not None
        for tag in [tag for tag in self._under_way if tag not in self._channel.open_tags]:
            shard, count = self._under_way.pop(tag)
            self._messages[shard] -= 1
            self._unconfirmed -= count
            self._send(shard)


def _frames(taken: list[_Waiting]) -> bytes:
    first = taken[0]
    if len(taken) == 1:
        return first.filled(first.template.frames)
    records = [each.filled(each.template.record) for each in taken]
    message = batch.batch_of(first.template.message, records)
    return content.encode_publish(message, channel=1, max_frame=MAX_FRAME)
