"""What AdminService tells the console, and does for it: bounded, and no more than is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1 import attach_pb2 as attach
from kull_router.delivery.session_key import SessionKey
from kull_router.delivery.subscriptions import Subscription
from kull_router.queues.port import DeviceInfo
from kull_router.rpc import console_methods
from kull_router.rpc.admin_service import AdminService
from kull_router.rpc.console_methods import ConsoleMethods
from tests.support.until import until
from tests.unit.router.rigs import Rig


class Aborted(Exception):
    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        self.code = code
        super().__init__(details)


class Context:
    async def abort(self, code: grpc.StatusCode, details: str = "") -> None:
        raise Aborted(code, details)


CONTEXT: Any = Context()


def dead_letter(body: bytes = b"x") -> Message:
    return Message(
        exchange=topology.DEAD,
        routing_key="nowhere",
        body=body,
        message_id="d-1",
        headers={topology.HEADER_REASON: "no address"},
    )


@pytest.fixture
def methods(rig: Rig) -> ConsoleMethods:
    return ConsoleMethods(rig.core)


async def test_the_overview_counts_and_names_no_device(rig: Rig, methods: ConsoleMethods) -> None:
    before = await methods.Overview(pb.OverviewRequest(), CONTEXT)
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 1)
    await rig.pushed(1)

    now = await methods.Overview(pb.OverviewRequest(), CONTEXT)

    assert now.counters.stored - before.counters.stored >= 1
    assert now.counters.pushes - before.counters.pushes >= 1
    assert now.sessions == 1
    assert [(edge.node_id, edge.sessions) for edge in now.edges] == [("edge-1", 1)]
    assert now.broker.ok and not now.broker.blocked
    assert "maya" not in str(now) and "mac" not in str(now)


async def test_what_takes_asking_is_measured_soon_after_somebody_has_looked(
    rig: Rig, methods: ConsoleMethods
) -> None:
    first = await methods.Overview(pb.OverviewRequest(), CONTEXT)
    assert not first.HasField("dead_waiting") and not first.HasField("backlog")

    await until(lambda: rig.core.vitals.latest().dead is not None)

    now = await methods.Overview(pb.OverviewRequest(), CONTEXT)
    assert (now.dead_waiting, now.unrouted_waiting, now.backlog.devices) == (0, 0, 0)
    assert now.store.ok


async def test_sessions_that_were_closed_are_counted_by_code(
    rig: Rig, methods: ConsoleMethods
) -> None:
    before = await methods.Overview(pb.OverviewRequest(), CONTEXT)
    await rig.subscribe(1, "maya:mac")
    rig.core.sessions.disconnect("maya", "mac", "")

    now = await methods.Overview(pb.OverviewRequest(), CONTEXT)

    (code,) = {
        code
        for code in now.counters.evicted
        if now.counters.evicted[code] != before.counters.evicted.get(code, 0)
    }
    assert 4000 <= code < 5000


async def test_entries_tell_all_but_what_they_say(rig: Rig, methods: ConsoleMethods) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 4711, event_id="e-1")
    await rig.pushed(1)

    answer = await methods.ListEntries(pb.ListEntriesRequest(address="user:maya"), CONTEXT)

    entry = answer.entries[-1]
    assert (entry.event_id, entry.type, entry.contract) == ("e-1", "CREDIT_UPDATE", "every")
    assert entry.seq == answer.queue.head == answer.through
    assert entry.size > 0 and entry.stored_at > 0
    assert "4711" not in str(answer)
    assert [one.device.device_id for one in answer.devices] == ["mac"]
    assert answer.devices[0].cursor < entry.seq


async def stored(rig: Rig, address: str, count: int) -> None:
    async def heads() -> int:
        queue = await rig.store.queue(address)
        return queue.head if queue else 0

    while await heads() < count:
        await rig.core.broker.depth(topology.DEAD)  # lets the shard work


async def test_entries_come_in_pages_and_an_unknown_queue_is_empty(
    rig: Rig, methods: ConsoleMethods
) -> None:
    for number in range(5):
        await rig.credit("otto", number)
    await stored(rig, "user:otto", 5)

    first = await methods.ListEntries(pb.ListEntriesRequest(address="user:otto", limit=2), CONTEXT)
    rest = await methods.ListEntries(
        pb.ListEntriesRequest(address="user:otto", after=first.through), CONTEXT
    )
    nothing = await methods.ListEntries(pb.ListEntriesRequest(address="user:x"), CONTEXT)

    assert [each.seq for each in first.entries] == [1, 2]
    assert [each.seq for each in rest.entries] == [3, 4, 5]
    assert nothing == pb.ListEntriesResponse()


async def test_rooms_are_told_with_their_sizes_and_followers(
    rig: Rig, methods: ConsoleMethods
) -> None:
    for session, (user, room) in enumerate(
        [("maya", "b"), ("otto", "b"), ("otto", "a"), ("maya", "c")], start=1
    ):
        rig.core.subscriptions.add(
            Subscription(
                key=SessionKey(rig.edge.number, session),
                address=f"room:{room}",
                shard=0,
                info=DeviceInfo(user=user, device="mac"),
            )
        )

    rooms = (await methods.ListRooms(pb.ListRoomsRequest(limit=2), CONTEXT)).rooms
    more = (await methods.ListRooms(pb.ListRoomsRequest(after="room:b"), CONTEXT)).rooms
    who = await methods.ListFollowers(pb.ListFollowersRequest(address="room:b", limit=1), CONTEXT)

    assert [(each.address, each.sessions) for each in rooms] == [("room:a", 1), ("room:b", 2)]
    assert [each.address for each in more] == ["room:c"]
    assert [(each.user_id, each.node_id) for each in who.sessions] == [("maya", "edge-1")]
    assert who.all == 2


async def test_who_is_behind_is_told_with_whether_it_is_connected(
    rig: Rig, methods: ConsoleMethods
) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 1)
    await rig.pushed(1)

    answer = await methods.ListBehind(pb.ListBehindRequest(), CONTEXT)

    assert answer.all.devices == 1
    (worst,) = answer.devices
    assert (worst.user_id, worst.device.device.device_id) == ("maya", "mac")
    assert worst.device.connected and worst.behind >= 1


async def test_a_users_devices_are_told_with_since_when_they_are_behind(rig: Rig) -> None:
    admin = AdminService(rig.core)
    request = pb.ListDevicesRequest(user_id="maya")
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)  # a device came
    began = rig.core.clock.wall_ms()
    await rig.credit("maya", 1)
    await rig.pushed(1)

    (behind,) = (await admin.ListDevices(request, CONTEXT)).devices
    acks = attach.Acks(acks=[attach.Ack(session_id=1, address="user:maya", seq=2)])
    await rig.core.receive(rig.edge, attach.AttachRequest(acks=acks))
    await rig.core.cursors.flush()
    (level,) = (await admin.ListDevices(request, CONTEXT)).devices

    assert 0 < behind.behind_since <= rig.core.clock.wall_ms()
    assert behind.behind_since >= began - 60_000
    assert not level.HasField("behind_since")


async def test_a_dead_letters_body_is_told_to_who_asks_for_it_and_only_its_beginning(
    rig: Rig, methods: ConsoleMethods
) -> None:
    await rig.broker.publish(dead_letter(body=b"x" * (console_methods.BODY + 1)))

    without = await methods.ListDeadLetters(pb.ListDeadLettersRequest(), CONTEXT)
    told = await methods.ListDeadLetters(pb.ListDeadLettersRequest(bodies=True), CONTEXT)

    assert (without.letters[0].body, without.all) == (b"", 1)
    assert told.letters[0].body == b"x" * console_methods.BODY
    assert told.letters[0].size == console_methods.BODY + 1
    assert told.letters[0].reason == "no address"


async def test_a_dead_letter_is_discarded_by_its_id(rig: Rig, methods: ConsoleMethods) -> None:
    await rig.broker.publish(dead_letter())
    (letter,) = (await methods.ListDeadLetters(pb.ListDeadLettersRequest(), CONTEXT)).letters

    done = await methods.ResolveDeadLetters(
        pb.ResolveDeadLettersRequest(ids=[letter.id, "unknown"]), CONTEXT
    )

    assert (done.resolved, list(done.failed)) == (1, ["unknown"])
    assert await rig.broker.depth(topology.DEAD) == 0


async def test_a_device_that_is_forgotten_loses_its_session_and_its_position(
    rig: Rig, methods: ConsoleMethods
) -> None:
    await rig.subscribe(1, "maya:mac")

    answer = await methods.ForgetDevice(
        pb.ForgetDeviceRequest(user_id="maya", device_id="mac"), CONTEXT
    )

    assert answer.sessions == 1
    assert (await rig.frame("evict")).session_id == 1
    assert await rig.store.devices("maya") == []


async def test_a_device_is_signed_out_where_its_user_is_served_and_nowhere_else(
    rig: Rig, methods: ConsoleMethods
) -> None:
    await rig.subscribe(1, "maya:mac")
    request = pb.SignOutDeviceRequest(user_id="maya", device_id="mac")

    answer = await methods.SignOutDevice(request, CONTEXT)

    assert answer.sessions == 1 and answer.event_id
    assert (await rig.frame("evict")).close_code == 4507
    assert await rig.store.devices("maya") == []

    for claim in rig.core.shards.ownership.claims:
        claim.lose()
    with pytest.raises(Aborted) as aborted:
        await methods.SignOutDevice(request, CONTEXT)
    assert aborted.value.code is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_test_event_arrives_and_says_nothing(rig: Rig, methods: ConsoleMethods) -> None:
    await rig.subscribe(1, "maya:mac")

    sent = await methods.SendTestEvent(pb.SendTestEventRequest(user_id="maya"), CONTEXT)

    (entry,) = [each for each in await rig.pushed(1) if each.type == "TEST"]
    assert f'"id":"{sent.event_id}"' in entry.message.decode()
    (trace,) = await rig.store.find(sent.event_id)
    assert (trace.address, trace.service) == ("user:maya", "kull-operator")


async def test_a_test_event_that_is_asked_for_twice_is_stored_once(
    rig: Rig, methods: ConsoleMethods
) -> None:
    await rig.subscribe(1, "maya:mac")
    request = pb.SendTestEventRequest(user_id="maya", event_id="t-1")

    for _ in range(2):
        assert (await methods.SendTestEvent(request, CONTEXT)).event_id == "t-1"
    await methods.SendTestEvent(pb.SendTestEventRequest(user_id="maya", event_id="t-2"), CONTEXT)

    entries: list[str] = []
    async with asyncio.timeout(5):
        while "t-2" not in entries:
            page = await rig.store.read("user:maya", after=0, limit=100, max_bytes=10**6)
            entries = [entry.event.id for entry in page.entries]
            await asyncio.sleep(0)
    assert entries.count("t-1") == 1


async def test_an_action_that_is_noted_twice_with_a_key_is_there_once(
    methods: ConsoleMethods,
) -> None:
    request = pb.NoteActionRequest(operator="key:anna", name="revoke", target="maya", key="k")

    numbers = {(await methods.NoteAction(request, CONTEXT)).number for _ in range(2)}

    assert len(numbers) == 1
    assert len((await methods.ListActions(pb.ListActionsRequest(), CONTEXT)).actions) == 1


async def test_an_action_is_noted_when_it_begins_and_when_it_ends(
    rig: Rig, methods: ConsoleMethods
) -> None:
    begun = await methods.NoteAction(
        pb.NoteActionRequest(operator="key:anna", name="revoke", target="maya" * 500), CONTEXT
    )
    await methods.NoteAction(
        pb.NoteActionRequest(number=begun.number, result="1 session was closed"), CONTEXT
    )

    (told,) = (await methods.ListActions(pb.ListActionsRequest(), CONTEXT)).actions
    assert (told.operator, told.name, told.result) == (
        "key:anna",
        "revoke",
        "1 session was closed",
    )
    assert len(told.target) == 500
    assert told.at > 0


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("ListEntries", pb.ListEntriesRequest()),
        ("ListFollowers", pb.ListFollowersRequest()),
        ("ResolveDeadLetters", pb.ResolveDeadLettersRequest()),
        ("ForgetDevice", pb.ForgetDeviceRequest(user_id="maya")),
        ("SignOutDevice", pb.SignOutDeviceRequest(user_id="maya")),
        ("SendTestEvent", pb.SendTestEventRequest()),
        ("SendTestEvent", pb.SendTestEventRequest(user_id="maya", event_id="x" * 129)),
    ],
)
async def test_who_does_not_say_which_is_told(
    methods: ConsoleMethods, method: str, request_: Any
) -> None:
    with pytest.raises(Aborted) as aborted:
        await getattr(methods, method)(request_, CONTEXT)
    assert aborted.value.code is grpc.StatusCode.INVALID_ARGUMENT
