"""What `kull.presence` is told by cores on twins, one after the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from kull_producers.events import topology
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.broker.layout import BindingSpec, Layout, QueueSpec
from kull_router.broker.memory import MemoryBroker
from kull_router.broker.memory_server import MemoryServer
from kull_router.errors import StoreUnavailable
from kull_router.queues.memory import MemoryState
from tests.support.until import until
from tests.unit.router.rigs import SHARDS, Rig, running

SEEN = "consumer.seen"


class World:
    """What outlives a router: RabbitMQ with a consumer's queue, and the database."""

    def __init__(self) -> None:
        self.server = MemoryServer()
        self.state = MemoryState(shard_count=SHARDS)

    @asynccontextmanager
    async def router(self, **more: Any) -> AsyncIterator[Rig]:
        more = {"presence_events": True, **more}
        async with running(self.server, self.state, **more) as rig:
            binding = BindingSpec(source=topology.PRESENCE, destination=SEEN, pattern="#")
            queue = QueueSpec(name=SEEN)
            self.server.create(Layout(exchanges=[], queues=[queue], bindings=[binding]))
            yield rig

    @property
    def said(self) -> list[dict[str, Any]]:
        queue = self.server.queues.get(SEEN)
        return [json.loads(each.message.body) for each in queue.ready] if queue else []

    @property
    def words(self) -> list[str]:
        return [each["type"] for each in self.said]

    async def heard(self, *words: str) -> None:
        await until(lambda: sorted(self.words) == sorted(words), every=0.01)
        await asyncio.sleep(0.3)  # nothing more is to come
        assert sorted(self.words) == sorted(words)


async def leave(rig: Rig, session: int, user: str) -> None:
    request = pb.Unsubscribe(session_id=session, address=f"user:{user}")
    await rig.core.receive(rig.edge, pb.AttachRequest(unsubscribe=request))


async def test_a_user_comes_with_the_first_device_and_goes_with_the_last() -> None:
    world = World()
    async with world.router() as rig:
        await rig.subscribe(1, "maya:mac")
        await world.heard("device.online", "user.online")
        await rig.subscribe(2, "maya:phone")
        await leave(rig, 1, "maya")
        await world.heard("device.online", "user.online", "device.online", "device.offline")
        await leave(rig, 2, "maya")
        await world.heard(*["device.online", "device.offline"] * 2, "user.online", "user.offline")
        numbers = [each["generation"] for each in world.said]
        assert numbers == sorted(numbers)
        assert {each["deviceId"] for each in world.said if "deviceId" in each} == {"mac", "phone"}
        assert all(each["at"] > 0 for each in world.said)


async def test_a_reconnect_within_the_grace_is_no_change() -> None:
    world = World()
    async with world.router(presence_grace=1.0) as rig:
        await rig.subscribe(1, "maya:mac")
        await world.heard("device.online", "user.online")
        await leave(rig, 1, "maya")
        await rig.subscribe(2, "maya:mac")
        await asyncio.sleep(1.2)
        await world.heard("device.online", "user.online")


async def test_who_stays_through_a_failover_is_no_change_and_who_is_gone_is_told_of() -> None:
    world = World()
    async with world.router(presence_grace=1.0) as rig:
        maya = await rig.subscribe(1, "maya:mac")
        await rig.subscribe(2, "otto:mac")
        await world.heard(*["device.online", "user.online"] * 2)
    async with world.router(presence_grace=1.0) as rig:
        await rig.subscribe(1, "maya:mac", generation=maya.generation)
        await asyncio.sleep(0.4)
        assert len(world.said) == 4, "otto may come back within the grace"
        await world.heard(*["device.online", "user.online"] * 2, "device.offline", "user.offline")
        left = world.said[-2:]
        assert {each["userId"] for each in left} == {"otto"}
        assert all(each["generation"][0] == 2 for each in left)


async def test_what_a_router_began_and_may_not_have_said_is_said_again_as_it_was() -> None:
    world = World()
    async with world.router() as rig:
        maya = await rig.subscribe(1, "maya:mac")
        await world.heard("device.online", "user.online")
        before = world.said
        # As if it had died before it could note that they were confirmed.
        for key, (shard, word) in world.state.words.items():
            world.state.words[key] = (shard, replace(word, told=False))
    async with world.router(presence_grace=1.0) as rig:
        await rig.subscribe(1, "maya:mac", generation=maya.generation)
        await world.heard(*["device.online", "user.online"] * 2)
        assert sorted(world.said[2:], key=str) == sorted(before, key=str)


async def test_only_the_newest_is_said_of_what_happens_while_rabbitmq_is_away() -> None:
    world = World()
    async with world.router() as rig:
        await rig.subscribe(1, "maya:mac")
        await world.heard("device.online", "user.online")
        announcements = rig.core.status._announcements
        assert announcements
        announcements._broker = Away()
        for session in range(2, 12):
            await rig.subscribe(session, f"otto:phone-{session}")
            await leave(rig, session, "otto")
        await leave(rig, 1, "maya")
        await asyncio.sleep(0.4)
        assert len(world.said) == 2
        announcements._broker = rig.broker
        await world.heard("device.online", "user.online", "device.offline", "user.offline")


async def test_what_could_not_be_kept_is_said_when_it_can_be() -> None:
    world = World()
    async with world.router() as rig:
        announcements = rig.core.status._announcements
        assert announcements
        failures = [StoreUnavailable("the disk is full"), RuntimeError("a fault in the code")]

        class Failing:
            """A store that fails twice."""

            async def tell(self, *args: Any) -> None:
                if failures:
                    raise failures.pop()
                await rig.store.tell(*args)

            told = staticmethod(rig.store.told)

        announcements._store = Failing()  # type: ignore[assignment]
        await rig.subscribe(1, "maya:mac")
        await world.heard("device.online", "user.online")
        assert not failures
        assert rig.core.measures.status.failed.value == 2


async def test_nothing_is_said_or_kept_unless_it_is_wanted() -> None:
    world = World()
    async with world.router(presence_events=False) as rig:
        await rig.subscribe(1, "maya:mac")
        await asyncio.sleep(0.3)
        assert world.said == [] and world.state.words == {}


async def test_nobody_needs_to_listen() -> None:
    async with running(presence_events=True) as rig:
        await rig.subscribe(1, "maya:mac")
        told = rig.core.measures.status.published
        await until(lambda: told.get("user.online") + told.get("device.online") == 2, every=0.01)
        assert rig.core.measures.status.failed.value == 0


class Away(MemoryBroker):
    """A RabbitMQ that cannot be reached."""

    connected = False
