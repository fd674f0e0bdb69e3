from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from kull_producers.events import topology
from kull_router.access.tokens import TokenVerifier
from kull_router.broker.memory import MemoryBroker
from kull_router.broker.memory_server import MemoryServer
from kull_router.core import RouterCore
from kull_router.queues.memory import MemoryState, MemoryStore
from kull_router.settings import RouterSettings
from tests.support.until import until
from tests.unit.router.rigs import SHARDS, FailingStore, running


async def test_a_second_router_takes_over_when_the_first_one_loses_its_channels() -> None:
    server, state = MemoryServer(), MemoryState(shard_count=SHARDS)
    async with running(server, state) as first:
        await first.credit("maya", 1)
        settings = first.core.settings
        broker = MemoryBroker(server)
        store = FailingStore(state, shard_count=SHARDS)
        standby = RouterCore(
            settings, broker=broker, store=store, verifier=TokenVerifier(None, allow_plain=True)
        )
        life = asyncio.create_task(standby.run(), name="standby")
        try:
            await until(lambda: all(len(q.consumers) >= 2 for q in shard_queues(server)))
            assert standby.terms == {}

            before = dict(first.core.terms)
            first.broker.down()

            await until(lambda: len(standby.terms) == SHARDS)
            assert all(standby.terms[shard] > term for shard, term in before.items())
            assert first.core.terms == {}
        finally:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)
            await broker.aclose()


def shard_queues(server: MemoryServer) -> list[Any]:
    return [server.queues[topology.shard_queue(shard)] for shard in range(SHARDS)]


async def test_shards_are_spread_over_routers_that_prefer_different_ones() -> None:
    server, state = MemoryServer(), MemoryState(shard_count=SHARDS)
    async with AsyncExitStack() as stack:
        first, _ = await stack.enter_async_context(preferring("0-1", server, state))
        second, broker = await stack.enter_async_context(preferring("2,3", server, state))

        await until(lambda: set(first.terms) == {0, 1} and set(second.terms) == {2, 3})

        broker.down()
        await until(lambda: set(first.terms) == {0, 1, 2, 3})
        broker.up()
        await until(lambda: set(first.terms) == {0, 1} and set(second.terms) == {2, 3})


@asynccontextmanager
async def preferring(
    shards: str, server: MemoryServer, state: MemoryState
) -> AsyncIterator[tuple[RouterCore, MemoryBroker]]:
    settings = RouterSettings(
        shard_count=SHARDS,
        probe_interval=0.05,
        preferred_shards=shards,
        standby_delay=0.1,
        router_id=f"router-{shards}",
    )
    broker = MemoryBroker(server)
    store = MemoryStore(state, shard_count=SHARDS)
    verifier = TokenVerifier(None, allow_plain=True)
    core = RouterCore(settings, broker=broker, store=store, verifier=verifier)
    life = asyncio.create_task(core.run(), name=f"core-{shards}")
    try:
        yield core, broker
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await broker.aclose()
