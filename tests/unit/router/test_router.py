"""The router between its ports: twins on both sides, no sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from kull_producers.events import address as addresses
from kull_producers.events import topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate, Event, PromptChange, ShootProgress
from kull_producers.events.stamp import Stamp
from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.access.tokens import TokenVerifier
from kull_router.broker.memory import MemoryBroker
from kull_router.broker.memory_server import MemoryServer
from kull_router.clock import Clock
from kull_router.core import RouterCore
from kull_router.delivery import ingest
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.errors import StoreUnavailable
from kull_router.queues.memory import MemoryState, MemoryStore
from kull_router.queues.port import Attachment, CursorUpdate, Outcome, Page
from kull_router.sessions.admission import FLUSH_STEP
from kull_router.settings import RouterSettings

SHARDS = 4


class FailingStore(MemoryStore):
    """A store that is unavailable as long as `failing` is set; `forgetful` loses one answer."""

    forgetful = False

    failing = False
    broken = False

    async def attach(self, *args: Any, **kwargs: Any) -> Attachment:
        if self.broken:
            raise RuntimeError("a fault in the code")
        return await super().attach(*args, **kwargs)

    async def read(self, *args: Any, **kwargs: Any) -> Page:
        if self.broken:
            raise RuntimeError("a fault in the code")
        return await super().read(*args, **kwargs)

    async def append(self, *args: Any, **kwargs: Any) -> list[Outcome]:
        if self.failing:
            raise StoreUnavailable("the disk is full")
        outcomes = await super().append(*args, **kwargs)
        if self.forgetful:
            self.forgetful = False
            raise StoreUnavailable("the connection was lost during the commit")
        return outcomes


class Rig:
    """A running core, and an edge attached to it."""

    def __init__(self, core: RouterCore, broker: MemoryBroker, store: FailingStore) -> None:
        self.core, self.broker, self.store = core, broker, store
        self.edge = self.attach("edge-1")
        self._published = 0

    def attach(self, node_id: str) -> EdgeStream:
        return self.core.open_stream(pb.Hello(node_id=node_id))

    async def frame(self, kind: str, edge: EdgeStream | None = None) -> Any:
        """Return the next frame of a kind, skipping others."""
        async with asyncio.timeout(5):
            while True:
                (frame,) = await (edge or self.edge).next()
                if frame.WhichOneof("frame") == kind:
                    return getattr(frame, kind)

    async def owned(self, edge: EdgeStream | None = None) -> None:
        """Wait until the router has told that it owns every shard."""
        while len((await self.frame("shards", edge)).shards) < SHARDS:
            pass

    async def subscribe(
        self,
        session: int,
        access: str,
        *,
        address: str = "",
        edge: EdgeStream | None = None,
        **more: Any,
    ) -> Any:
        user, _, device = access.partition(":")
        request = pb.Subscribe(
            session_id=session,
            address=address or f"user:{user}",
            token=access,
            device=pb.Device(device_id=device or "web-1"),
            **more,
        )
        stream = edge or self.edge
        await self.core.receive(stream, pb.AttachRequest(subscribe=request))
        async with asyncio.timeout(5):
            while True:
                (frame,) = await stream.next()
                kind = frame.WhichOneof("frame")
                if kind in {"subscribed", "refused"}:
                    return getattr(frame, kind)

    async def fetch(self, session: int, address: str, after: int, limit: int = 100) -> Any:
        request = pb.Fetch(
            request_id=9,
            session_id=session,
            address=address,
            after=after,
            limit=limit,
            max_bytes=100_000,
        )
        await self.core.receive(self.edge, pb.AttachRequest(fetch=request))
        return await self.frame("batch")

    async def credits_of(self, user: str) -> list[pb.Entry]:
        """Fetch session 1's queue until credits are in it."""
        async with asyncio.timeout(5):
            while True:
                batch = await self.fetch(1, f"user:{user}", 0)
                if found := [entry for entry in batch.entries if entry.type == "CREDIT_UPDATE"]:
                    return found

    async def publish(self, event: Event, user: str, event_id: str = "") -> None:
        self._published += 1
        stamp = Stamp(
            id=event_id or f"event-{self._published}", timestamp_ms=1, version=self._published
        )
        about = None if isinstance(event, CreditUpdate) else user or None
        for message in messages_of(event, stamp, shard_count=SHARDS, user_id=about):
            await self.broker.publish(message)

    async def credit(self, user: str, balance: int, event_id: str = "") -> None:
        event = CreditUpdate(user_id=user, new_balance=balance, change=1, reason="Test")
        await self.publish(event, user, event_id)

    async def pushed(self, count: int, edge: EdgeStream | None = None) -> list[pb.Entry]:
        entries: list[pb.Entry] = []
        while len(entries) < count:
            for push in (await self.frame("deliver", edge)).pushes:
                entries.extend(push.entries)
        return entries

    async def dead(self) -> Message:
        queue = self.broker.server.queues[topology.DEAD]
        async with asyncio.timeout(5):
            while not queue.ready:
                await asyncio.sleep(0)
        return queue.ready.popleft().message


def balances(entries: list[pb.Entry]) -> list[tuple[int, int]]:
    frames = [json.loads(entry.frame) for entry in entries]
    return [(frame["seq"], frame["data"]["newBalance"]) for frame in frames]


@asynccontextmanager
async def running(
    server: MemoryServer | None = None,
    state: MemoryState | None = None,
    *,
    verifier: TokenVerifier | None = None,
    clock: Clock | None = None,
    **more: Any,
) -> AsyncIterator[Rig]:
    settings = RouterSettings(
        shard_count=SHARDS, presence_grace=0.05, probe_interval=0.05, cursor_flush=0.05, **more
    )
    broker = MemoryBroker(server)
    store = FailingStore(state, shard_count=SHARDS)
    core = RouterCore(
        settings,
        broker=broker,
        store=store,
        verifier=verifier or TokenVerifier(None, allow_plain=True),
        clock=clock,
    )
    await broker.start(SHARDS)
    life = asyncio.create_task(core.run(), name="core")
    rig = Rig(core, broker, store)
    try:
        await rig.owned()
        yield rig
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await broker.aclose()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with running() as started:
        yield started


async def test_an_event_is_pushed_once_to_an_edge_with_many_sessions(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(2, "maya:phone")
    await rig.pushed(2)  # two devices came

    await rig.credit("maya", 500)

    assert balances(await rig.pushed(1)) == [(3, 500)]


async def test_nothing_is_acknowledged_before_it_is_stored(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    shard = shard_of("user:maya", SHARDS)
    rig.store.failing = True
    await rig.credit("maya", 1)
    for _ in range(50):
        await asyncio.sleep(0)

    rig.broker.down()  # what was not acknowledged is still there
    queue = rig.broker.server.queues[topology.shard_queue(shard)]
    kept = [q.message for q in queue.ready if q.message.type == "CREDIT_UPDATE"]
    assert len(kept) == 1

    rig.store.failing = False
    rig.broker.up()
    await until(lambda: list(rig.core.terms.values()) == [2] * SHARDS)
    await rig.subscribe(1, "maya:mac")
    assert balances(await rig.credits_of("maya")) == [(2, 1)]


async def test_an_event_delivered_twice_is_stored_once(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    await rig.credit("maya", 1, event_id="same")
    await rig.credit("maya", 1, event_id="same")
    await rig.credit("maya", 2)

    assert balances(await rig.pushed(2)) == [(2, 1), (3, 2)]


async def test_a_fetch_reads_the_log_in_order_and_compacted(rig: Rig) -> None:
    for done in (1, 2, 3):
        event = ShootProgress(
            shoot_id="s",
            status="processing",
            processed_count=done,
            total_count=9,
            provider="Test",
        )
        await rig.publish(event, "maya")
        await rig.credit("maya", done)
    answer = await rig.subscribe(1, "maya:mac", position=pb.Position(epoch="memory", seq=0))
    async with asyncio.timeout(5):
        while (await rig.fetch(1, "user:maya", 0)).head < 6:
            pass

    batch = await rig.fetch(1, "user:maya", 0)

    assert answer.recovered
    kinds = [(entry.seq, entry.type) for entry in batch.entries if entry.seq <= 6]
    assert kinds == [
        (2, "CREDIT_UPDATE"),
        (4, "CREDIT_UPDATE"),
        (5, "SHOOT_PROGRESS"),
        (6, "CREDIT_UPDATE"),
    ]


async def test_a_position_of_another_epoch_is_not_recovered(rig: Rig) -> None:
    answer = await rig.subscribe(1, "maya:mac", position=pb.Position(epoch="other", seq=1))

    assert not answer.recovered


async def test_a_session_fetches_only_what_it_follows(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.credit("otto", 7)

    batch = await rig.fetch(1, "user:otto", 0)

    assert batch.error
    assert not batch.entries


@pytest.mark.parametrize("address", ["user:otto", "room:secret", "nonsense", ""])
async def test_a_token_grants_its_own_users_queue_and_no_other(rig: Rig, address: str) -> None:
    refused = await rig.subscribe(1, "maya:mac", address=address or "user:")

    assert refused.close_code == 4500
    assert not await told_anything(rig, "otto")


async def told_anything(rig: Rig, user: str) -> bool:
    await rig.credit(user, 1)
    for _ in range(50):
        await asyncio.sleep(0)
    return bool(rig.edge.outbox)


async def test_the_newer_session_of_a_device_evicts_the_older_on_its_edge(rig: Rig) -> None:
    other = rig.attach("edge-2")
    first = await rig.subscribe(1, "maya:mac")
    second = await rig.subscribe(8, "maya:mac", edge=other)

    evict = await rig.frame("evict")

    assert (evict.session_id, evict.close_code) == (1, 4503)
    assert second.generation.counter > first.generation.counter


async def test_late_words_of_an_evicted_session_change_nothing(rig: Rig) -> None:
    other = rig.attach("edge-2")
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(8, "maya:mac", edge=other)

    bye = pb.Unsubscribe(session_id=1, address="user:maya")
    await rig.core.receive(rig.edge, pb.AttachRequest(unsubscribe=bye))
    await asyncio.sleep(0.2)  # longer than the grace

    assert [p.info.device for p in rig.core.sessions.registry.connected("maya")] == ["mac"]


async def test_a_late_acknowledgement_of_an_evicted_session_moves_no_cursor(rig: Rig) -> None:
    other = rig.attach("edge-2")
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 100)
    await rig.pushed(2)
    await rig.subscribe(8, "maya:mac", edge=other)

    ack = pb.Ack(session_id=1, address="user:maya", seq=2)
    await rig.core.receive(rig.edge, pb.AttachRequest(acks=pb.Acks(acks=[ack])))
    again = await rig.subscribe(9, "maya:mac", edge=other)

    assert again.after < 2
    assert (await rig.fetch(1, "user:maya", 0)).error


async def test_an_older_session_cannot_move_the_cursor_of_a_shared_queue_either(rig: Rig) -> None:
    """Its user's queue may have another owner, who has evicted it already."""
    older, newer = pb.Generation(term=1, counter=1), pb.Generation(term=1, counter=2)
    other = rig.attach("edge-2")
    await rig.subscribe(1, "maya:mac", address="all", generation=older)
    await rig.publish(PromptChange(prompt_id="p1", action="voted"), "")
    await rig.subscribe(8, "maya:mac", address="all", edge=other, generation=newer)

    ack = pb.Ack(session_id=1, address="all", seq=1)
    await rig.core.receive(rig.edge, pb.AttachRequest(acks=pb.Acks(acks=[ack])))
    again = await rig.subscribe(9, "maya:mac", address="all", edge=other, generation=newer)
    refused = await rig.subscribe(2, "maya:mac", address="all", generation=older)

    assert again.after == 0
    assert refused.close_code == 4503


async def test_others_are_told_when_a_device_comes_and_goes(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(2, "maya:phone")
    bye = pb.Unsubscribe(session_id=2, address="user:maya")
    await rig.core.receive(rig.edge, pb.AttachRequest(unsubscribe=bye))

    entries = await rig.pushed(3)

    told = [(entry.type, entry.exclude_device_id) for entry in entries]
    assert told == [
        ("DEVICE_CONNECTED", "mac"),
        ("DEVICE_CONNECTED", "phone"),
        ("DEVICE_DISCONNECTED", "phone"),
    ]


async def test_an_edge_that_dies_takes_its_devices_offline_after_the_grace(rig: Rig) -> None:
    other = rig.attach("edge-2")
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(2, "maya:phone", edge=other)
    await rig.pushed(2)

    rig.core.close_stream(other)

    assert [entry.type for entry in await rig.pushed(1)] == ["DEVICE_DISCONNECTED"]


async def test_a_session_that_ends_while_it_joins_is_not_answered(rig: Rig) -> None:
    request = pb.Subscribe(
        session_id=1, address="user:maya", token="maya:mac", device=pb.Device(device_id="mac")
    )
    bye = pb.Unsubscribe(session_id=1, address="user:maya")
    await rig.core.receive(rig.edge, pb.AttachRequest(subscribe=request))
    await rig.core.receive(rig.edge, pb.AttachRequest(unsubscribe=bye))

    answer = await rig.subscribe(2, "otto:mac")

    assert answer.session_id == 2
    assert len(rig.core.fanout.subscriptions) == 1


async def test_acknowledged_positions_survive_the_router(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 1)
    await rig.pushed(2)
    acks = pb.Acks(acks=[pb.Ack(session_id=1, address="user:maya", seq=2)])
    await rig.core.receive(rig.edge, pb.AttachRequest(acks=acks))

    answer = await rig.subscribe(2, "maya:mac")  # even before cursors are written behind

    assert (answer.after, answer.recovered) == (2, True)


async def test_cursors_are_written_in_steps_and_what_cannot_be_written_waits(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    async def advance(cursors: Sequence[CursorUpdate], now_ms: int) -> None:
        if len(written) == 2:
            raise StoreUnavailable("the disk is full")
        written.append(len(cursors))

    monkeypatch.setattr(rig.store, "advance", advance)
    cursors = rig.core.sessions.cursors
    for number in range(4 * FLUSH_STEP):
        cursors.move("all", "maya", f"device-{number}", 1)

    await rig.core.sessions.flush()  # events of others go between two steps

    assert written == [FLUSH_STEP, FLUSH_STEP]
    assert len(cursors) == 2 * FLUSH_STEP


async def test_acks_of_sessions_of_another_edge_are_ignored(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 1)
    await rig.pushed(2)
    forger = rig.attach("edge-2")
    acks = pb.Acks(acks=[pb.Ack(session_id=1, address="user:maya", seq=2)])
    await rig.core.receive(forger, pb.AttachRequest(acks=acks))

    assert (await rig.subscribe(2, "maya:mac")).after == 0


async def test_poison_is_buried_with_its_reason_and_blocks_nobody(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    key = addresses.routing_key("user:maya", SHARDS, "credit_update")
    await rig.broker.publish(
        Message(exchange=topology.CREDIT, routing_key=key, body=b"not json", message_id="x")
    )
    await rig.credit("maya", 1)

    assert balances(await rig.pushed(1)) == [(2, 1)]
    buried = await rig.dead()
    assert buried.body == b"not json"
    assert "JSON" in str(buried.headers[topology.HEADER_REASON])


@pytest.mark.parametrize("field", ["seq", "queue"])
async def test_a_publisher_cannot_forge_positions(rig: Rig, field: str) -> None:
    event = CreditUpdate(user_id="maya", new_balance=4, change=1, reason="x")
    stamp = Stamp(id="x", timestamp_ms=1, version=1)
    (message,) = messages_of(event, stamp, shard_count=SHARDS)
    body = json.dumps({**json.loads(message.body), field: 99}).encode()
    await rig.broker.publish(replace(message, body=body))

    assert f"{field} is set by the router" in str(
        (await rig.dead()).headers[topology.HEADER_REASON]
    )


async def test_white_space_around_a_body_is_harmless(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    event = CreditUpdate(user_id="maya", new_balance=4, change=1, reason="x")
    stamp = Stamp(id="x", timestamp_ms=1, version=1)
    (message,) = messages_of(event, stamp, shard_count=SHARDS)
    await rig.broker.publish(replace(message, body=b" \n" + message.body + b"\n"))

    assert balances(await rig.pushed(1)) == [(2, 4)]


@pytest.mark.parametrize("key", ["{shard}.user.maya.x", "whatever"])
async def test_a_message_that_we_fail_to_understand_takes_no_router_down(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake of ours")

    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    shard = shard_of("user:maya", SHARDS)
    with monkeypatch.context() as broken:
        broken.setattr(ingest, "read", fails)
        broken.setattr(ingest, "readdress", fails)
        await rig.broker.publish(
            Message(
                exchange=topology.CREDIT,
                routing_key=key.format(shard=f"{shard:02d}"),
                body=b"{}",
                message_id="x",
            )
        )
        buried = await rig.dead()

    assert "a mistake of ours" in str(buried.headers[topology.HEADER_REASON])
    await rig.credit("maya", 3)
    assert balances(await rig.pushed(1)) == [(2, 3)]


@pytest.mark.parametrize("key", ["99.user.maya.credit_update", "whatever"])
async def test_a_message_without_its_shard_is_readdressed(rig: Rig, key: str) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    data = {"userId": "maya", "newBalance": 3, "change": 1, "reason": "x"}
    body = json.dumps({"type": "CREDIT_UPDATE", "userId": "maya", "data": data}).encode()
    await rig.broker.publish(
        Message(exchange=topology.CREDIT, routing_key=key, body=body, message_id="x")
    )

    assert balances(await rig.pushed(1)) == [(2, 3)]


async def test_a_message_in_the_wrong_shard_moves_once_and_then_is_buried(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    event = CreditUpdate(user_id="maya", new_balance=4, change=1, reason="x")
    stamp = Stamp(id="x", timestamp_ms=1, version=1)
    (right,) = messages_of(event, stamp, shard_count=SHARDS)
    shard = (shard_of("user:maya", SHARDS) + 1) % SHARDS

    def wrong(**headers: int) -> Message:
        return Message(
            exchange=right.exchange,
            routing_key=f"{shard:02d}.user.maya.credit_update",
            body=right.body,
            message_id=right.message_id,
            headers={**right.headers, **headers},
        )

    await rig.broker.publish(wrong(**{topology.HEADER_HOPS: 1}))
    assert "re-addressed before" in str((await rig.dead()).headers[topology.HEADER_REASON])

    await rig.broker.publish(wrong())
    assert balances(await rig.pushed(1)) == [(2, 4)]


async def test_progress_of_a_device_names_the_device_that_must_not_get_it(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    payload = {
        "shootId": "s",
        "status": "processing",
        "processedCount": 1,
        "totalCount": 2,
        "provider": "Local",
    }
    await publish_from_device(rig, json.dumps(payload).encode())

    published = await rig.frame("published")
    (entry,) = await rig.pushed(1)
    frame = json.loads(entry.frame)
    assert frame["id"] == published.event_id
    assert (frame["deviceId"], entry.exclude_device_id) == ("mac", "mac")
    assert frame["data"] == payload


@pytest.mark.parametrize("payload", [b"{", b"[]", b'{"shootId":"s"}', b"\xff"])
async def test_bad_progress_is_answered_with_what_is_wrong(rig: Rig, payload: bytes) -> None:
    await rig.subscribe(1, "maya:mac")

    await publish_from_device(rig, payload)

    answer = await rig.frame("published")
    assert answer.error_code == "invalid_message"
    assert answer.error


async def publish_from_device(rig: Rig, payload: bytes, session: int = 1) -> None:
    request = pb.Publish(request_id=5, session_id=session, type="UPDATE_PROGRESS", payload=payload)
    await rig.core.receive(rig.edge, pb.AttachRequest(publish=request))


async def test_a_device_cannot_publish_through_a_session_that_is_not_its_edges(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")

    await publish_from_device(rig, b"{}", session=77)

    assert (await rig.frame("published")).error_code == "invalid_message"


async def test_a_fault_in_one_request_is_answered_and_disturbs_nobody(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    rig.store.broken = True
    assert (await rig.fetch(1, "user:maya", 0)).error
    refused = await rig.subscribe(2, "otto:mac")
    assert (refused.close_code, refused.session_id) == (0, 2)
    rig.store.broken = False

    await rig.credit("maya", 1)

    assert balances(await rig.pushed(1)) == [(2, 1)]
    assert not rig.edge.closed


async def test_a_commit_whose_answer_was_lost_still_reaches_the_devices(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    rig.store.forgetful = True

    await rig.credit("maya", 1)

    assert (await rig.frame("gap")).address == "user:maya"
    assert balances(await rig.credits_of("maya")) == [(2, 1)]


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
        await broker.start(SHARDS)
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


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


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
    await broker.start(SHARDS)
    life = asyncio.create_task(core.run(), name=f"core-{shards}")
    try:
        yield core, broker
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await broker.aclose()


@pytest.mark.parametrize("text", ["x", "3-1", "1-", "-2", "1..2"])
def test_a_list_of_shards_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="0-7,12"):
        RouterSettings(preferred_shards=text)


async def test_a_router_that_was_fenced_writes_nothing_more() -> None:
    server, state = MemoryServer(), MemoryState(shard_count=SHARDS)
    async with running(server, state) as rig:
        await rig.subscribe(1, "maya:mac")
        shard = shard_of("user:maya", SHARDS)
        usurper = MemoryStore(state, shard_count=SHARDS)
        term = await usurper.claim(shard, "other")

        await rig.credit("maya", 1)

        # It notices, lets go and claims anew under a higher term; the event is not lost.
        await until(lambda: rig.core.terms.get(shard, 0) > term)
        await rig.subscribe(1, "maya:mac")
        assert len(await rig.credits_of("maya")) == 1


async def test_a_claim_that_overtook_ours_is_noticed_without_an_event(rig: Rig) -> None:
    """Edges believe the higher term: until then nobody could subscribe anywhere."""
    shard = rig.core.shards[0]
    before = shard.term
    assert before is not None
    await rig.store.claim(0, "a router that has died since")

    await rig.broker.publish(ingest.probe(0))

    async with asyncio.timeout(10):
        while (shard.term or 0) <= before + 1:
            await asyncio.sleep(0.01)
