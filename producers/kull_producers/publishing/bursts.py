"""A `Transport` that sends what waits at the same time for the same shard in one AMQP message.

Nothing is waited for: what is published in one turn of the event loop goes at its end. Only while
UNDER_WAY messages of a shard are unconfirmed, further events of it stand in line, and go together
with the next confirm: its queue stores one message after the other, they would only wait there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, TypeAlias

from kull_producers.errors import (
    AccessRefused,
    ConnectError,
    KullError,
    NotRoutable,
    PublishError,
)
from kull_producers.events import batch, topology
from kull_producers.events.message import Message
from kull_producers.publishing.burst_line import BurstLine, Waiting, address_of
from kull_producers.publishing.transport import Transport

log = logging.getLogger(__name__)

UNDER_WAY: Final = 2  # messages of a shard: one that is stored, and one that comes right after
CLOSED: Final = "the connection has been closed"

_Events: TypeAlias = "Sequence[Waiting[asyncio.Future[None]]]"


class _Shard:
    """One shard's line, and what of it is under way."""

    __slots__ = ("called", "holds", "line", "name", "under_way")

    def __init__(self, name: str) -> None:
        self.name = name
        self.line: BurstLine[asyncio.Future[None]] = BurstLine()
        self.under_way = 0
        self.called = False  # it is looked at before this turn of the event loop ends
        self.holds = 0  # reasons why nothing new may be sent


class Bursts:
    """See `Transport`. Each event has a confirm and a fate of its own.

    Until `check_shard_count` has found that routers take batches each event goes alone, and again
    after RabbitMQ has refused one: what was in it is then sent event by event, in order. An account
    that may not publish batches is not tried again.

    Args:
        transport: what carries the messages; owned.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._together = False
        self._proved = False  # a batch was confirmed since then
        self._forbidden = False  # to this account
        self._warned = False
        self._shards: dict[str, _Shard] = {}
        self._under_way: dict[asyncio.Task[None], _Events] = {}
        self._closed = False

    async def publish(self, message: Message) -> None:
        """See `Transport.publish`.

        A message that is replaceable may be left out for a newer one of its key: then it counts as
        confirmed with that one, and fails with it.
        """
        if self._closed:
            raise ConnectError(CLOSED)
        name = message.routing_key.partition(".")[0]
        shard = self._shards.get(name)
        if shard is None:
            shard = self._shards[name] = _Shard(name)
        loop = asyncio.get_running_loop()
        caller: asyncio.Future[None] = loop.create_future()
        waiting = shard.line.add(message, caller)
        if not shard.called:
            shard.called = True
            loop.call_soon(self._look, shard)
        try:
            await caller
        except asyncio.CancelledError:
            waiting.callers.remove(caller)
            self._let_go(shard, waiting)
            raise

    async def check_shard_count(self, shard_count: int) -> None:
        """See `Transport.check_shard_count`. Looks as well whether routers take batches."""
        await self._transport.check_shard_count(shard_count)
        if not self._together and not self._forbidden:
            self._together = await self._transport.takes_batches()
            self._proved = False
            if not self._together and not self._warned:
                self._warned = True
                log.warning(
                    "events are sent one by one: no router has made the exchange %s, or this "
                    "account may not publish to it",
                    topology.BURSTS,
                )

    async def takes_batches(self) -> bool:
        """See `Transport.takes_batches`."""
        return await self._transport.takes_batches()

    async def blocked(self) -> bool:
        """See `Transport.blocked`."""
        return await self._transport.blocked()

    async def aclose(self) -> None:
        """See `Transport.aclose`. Whoever still waits gets ConnectError."""
        self._closed = True
        try:
            await self._transport.aclose()
        finally:
            for shard in self._shards.values():
                self._drop(shard, list(shard.line), ConnectError(CLOSED))
            left = list(self._under_way)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)

    def _look(self, shard: _Shard) -> None:
        """Send what waits, as far as the shard is free for it."""
        shard.called = False
        while shard.line and not shard.holds and not self._closed:
            # What follows a batch that comes back would overtake it.
            if self._together and shard.under_way >= (UNDER_WAY if self._proved else 1):
                return
            self._send(shard, shard.line.take(together=self._together))

    def _send(self, shard: _Shard, events: _Events) -> None:
        shard.under_way += 1
        task = asyncio.create_task(self._carry(shard, events), name=f"kull-burst-{shard.name}")
        self._under_way[task] = events
        task.add_done_callback(self._under_way.__delitem__)

    async def _carry(self, shard: _Shard, events: _Events) -> None:
        together = self._together
        try:
            problem = await self._sent(events)
            self._proved |= problem is None and len(events) > 1
            if problem is not None and self._may_fare_better_alone(problem, events, together):
                await self._one_by_one(shard, events)
            else:
                self._settle(shard, events, problem)
        except asyncio.CancelledError:
            _tell(events, ConnectError(CLOSED))
            raise
        finally:
            shard.under_way -= 1
            self._look(shard)

    async def _sent(self, events: _Events) -> Exception | None:
        """Send one message with these events; return what went wrong."""
        message = events[0].message
        if len(events) > 1:
            message = batch.batch_of(message, [each.packed() for each in events])
        try:
            await self._transport.publish(message)
        except Exception as error:
            return error
        return None

    def _may_fare_better_alone(self, problem: Exception, events: _Events, together: bool) -> bool:
        if isinstance(problem, KullError):
            if not isinstance(problem, NotRoutable | AccessRefused):
                return False  # it is not about them
            if len(events) > 1 and self._together:
                log.warning("events are sent one by one from now on: %s", problem)
                self._together = False
                self._forbidden = isinstance(problem, AccessRefused)
        # Refusing the account closes the channel, under all that was under way on it.
        return len(events) > 1 or (together and isinstance(problem, AccessRefused))

    async def _one_by_one(self, shard: _Shard, events: _Events) -> None:
        async def alone(event: _Events) -> None:
            try:
                if event[0].callers:
                    self._settle(shard, event, await self._sent(event))
            except asyncio.CancelledError:
                _tell(event, ConnectError(CLOSED))
                raise

        shard.holds += 1  # nothing may overtake them
        try:
            async with asyncio.TaskGroup() as tasks:
                for each in events:
                    tasks.create_task(alone([each]), name=f"kull-burst-{shard.name}-alone")
        finally:
            shard.holds -= 1

    def _settle(self, shard: _Shard, events: _Events, problem: Exception | None) -> None:
        """Tell the callers. Those who will try again must not be overtaken by who waits."""
        _tell(events, problem)
        if isinstance(problem, ConnectError | PublishError) and not isinstance(
            problem, NotRoutable | AccessRefused
        ):
            shard.holds += 1
            loop = asyncio.get_running_loop()
            # They know it after the next turn, and who has come until then goes behind them.
            loop.call_soon(loop.call_soon, self._fail_behind, shard, events, problem)

    def _fail_behind(self, shard: _Shard, failed: _Events, problem: Exception) -> None:
        shard.holds -= 1
        to = {address_of(each.message) for each in failed}
        all_fail = isinstance(problem, ConnectError)
        behind = [each for each in shard.line if all_fail or address_of(each.message) in to]
        self._drop(shard, behind, problem)
        self._look(shard)

    def _drop(self, shard: _Shard, events: _Events, problem: Exception) -> None:
        for event in events:
            shard.line.remove(event)
        _tell(events, problem)

    def _let_go(self, shard: _Shard, waiting: Waiting[asyncio.Future[None]]) -> None:
        """Give up what nobody waits for any more."""
        if waiting.callers:
            return
        shard.line.remove(waiting)
        for task, events in self._under_way.items():
            if waiting in events and not any(each.callers for each in events):
                task.cancel()


def _tell(events: _Events, problem: Exception | None) -> None:
    for event in events:
        for caller in event.callers:
            if caller.done():
                continue
            if problem is None:
                caller.set_result(None)
            else:
                caller.set_exception(problem)
