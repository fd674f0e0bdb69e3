"""What needs no RabbitMQ; the rest is in tests/contract/test_transport_rabbitmq.py."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import pytest
from aio_pika.exceptions import AMQPConnectionError

from kull_producers.publishing.rabbitmq import RabbitTransport, _answered
from kull_producers.publishing.rabbitmq_connection import RabbitConnection
from tests.unit.producers.scripted import ended, swallowed


async def never(answer: asyncio.Future[None]) -> None:
    with _answered():
        await answer


async def test_a_call_that_the_library_gives_up_is_a_lost_connection() -> None:
    answer = asyncio.get_running_loop().create_future()
    call = asyncio.create_task(never(answer))
    await asyncio.sleep(0)
    answer.cancel()

    with pytest.raises(AMQPConnectionError, match="given up"):
        await call


async def test_a_caller_that_is_cancelled_or_out_of_time_is_just_that() -> None:
    call = asyncio.create_task(never(asyncio.get_running_loop().create_future()))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait({call})
    assert call.cancelled()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await never(asyncio.get_running_loop().create_future())


async def test_a_dial_that_is_cancelled_together_with_an_error_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refused(*_: object, **__: object) -> NoReturn:
        await swallowed(ConnectionRefusedError())

    monkeypatch.setattr(RabbitConnection, "connect", refused)
    transport = RabbitTransport("amqp://guest:guest@127.0.0.1:1/")
    dial = asyncio.create_task(transport.check_shard_count(16), name="dial")
    await asyncio.sleep(0)
    dial.cancel()

    assert (await ended(dial)).cancelled()
