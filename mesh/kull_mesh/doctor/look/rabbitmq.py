"""Looks at RabbitMQ by AMQP, with the rights of KULL_AMQP_URL's account; undoes what it tries."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pamqp import base, commands

from kull_mesh.doctor.facts import AccountSeen, RabbitSeen
from kull_mesh.doctor.look.rabbitmq_api import Api
from kull_mesh.doctor.target import Target
from kull_producers.events import topology
from kull_producers.events.models import EVENTS
from kull_router.broker.amqp import AmqpChannel, AmqpConnection, AmqpUrl, Refused, first_that_serves
from kull_router.broker.layout import layout
from kull_router.errors import RouterError

NOT_FOUND: Final = 404


@dataclass(slots=True)
class _Queues:
    missing: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)
    consumers: dict[str, int] = field(default_factory=dict)


async def look(target: Target) -> RabbitSeen | None:
    """Return what is there; None: there is no RabbitMQ to look at."""
    if not target.amqp_url:
        return None
    try:
        url, *others = AmqpUrl.parse_each(target.amqp_url)
        connection = await first_that_serves([url, *others], _open, random.SystemRandom())
    except RouterError as error:
        return RabbitSeen(problem=str(error))
    is_producer = target.role == "gateway"
    account = AccountSeen(name=url.user, role="producer" if is_producer else "router")
    try:
        found = await _Looker(connection).look(target.router.shard_count, producer=is_producer)
        made = await _Looker(connection).made(("kull.doctor-", "doctor-")[not is_producer :])
    except RouterError as error:
        return RabbitSeen(problem=str(error))
    finally:
        await connection.aclose()
    seen = RabbitSeen(
        missing=found.missing,
        refused=found.refused,
        waiting=found.waiting,
        consumers=found.consumers,
        account=replace(account, made=made),
    )
    return Api(target.rabbitmq_api, url).complete(seen, target.router.shard_count)


async def _open(url: AmqpUrl) -> AmqpConnection:
    return await AmqpConnection.open(url, name="kull-doctor", on_lost=lambda: None)


class _Looker:
    """Asks one thing after the other; RabbitMQ closes the channel of what it refuses."""

    def __init__(self, connection: AmqpConnection) -> None:
        self._connection = connection
        self._channel: AmqpChannel | None = None

    async def look(self, shard_count: int, *, producer: bool) -> _Queues:
        """Look at what there should be, as far as the role may."""
        found, wanted = _Queues(), layout(shard_count)
        mark = topology.shard_count_mark(shard_count)
        exchanges: Iterable[str] = [each.name for each in wanted.exchanges]
        if producer:  # which has no right to see more
            exchanges = [*EVENTS.exchanges, topology.BURSTS, topology.ROUTE, mark]
        for name in exchanges:
            asked = commands.Exchange.Declare(exchange=name, passive=True)
            await self._ask(name, asked, commands.Exchange.DeclareOk, found)
        for queue in [] if producer else wanted.queues:
            known = commands.Queue.Declare(queue=queue.name, passive=True)
            told = await self._ask(queue.name, known, commands.Queue.DeclareOk, found)
            if told is not None:
                found.waiting[queue.name] = int(told.message_count or 0)
                found.consumers[queue.name] = int(told.consumer_count or 0)
        return found

    async def _ask(self, name: str, asked: Any, answer: type[base.Frame], found: _Queues) -> Any:
        try:
            return await (await self._open()).call(asked, answer)
        except Refused as refused:
            (found.missing if refused.code == NOT_FOUND else found.refused).append(name)
            return None

    async def made(self, prefixes: Iterable[str]) -> list[str]:
        """Try to create queues that no role needs; they live for a moment. Return what worked."""
        made = []
        for prefix in prefixes:
            name = f"{prefix}{secrets.token_hex(4)}"
            asked = commands.Queue.Declare(queue=name, exclusive=True, auto_delete=True)
            try:
                channel = await self._open()
                await channel.call(asked, commands.Queue.DeclareOk)
                await channel.call(commands.Queue.Delete(queue=name), commands.Queue.DeleteOk)
            except Refused:
                continue
            made.append(f"queues named {prefix}…")
        return made

    async def _open(self) -> AmqpChannel:
        if self._channel is None or self._channel.error is not None:
            self._channel = await self._connection.channel(AmqpChannel)
        return self._channel
