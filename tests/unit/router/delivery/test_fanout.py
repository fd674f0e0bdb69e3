"""Pushes go once to each edge that has sessions in a queue, and to no other."""

from __future__ import annotations

from dataclasses import replace

from kull_protos.common.flight_recorder import FlightRecorder, Query
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.fanout import Fanout
from kull_router.delivery.journal import Journal
from kull_router.delivery.send_queue import SendQueue
from kull_router.delivery.session_key import SessionKey
from kull_router.delivery.subscriptions import Subscription, Subscriptions
from kull_router.measures.events import EventMeasures
from kull_router.queues.entry import Contract, Entry, Event
from kull_router.queues.port import DeviceInfo, Duplicate, Outcome, Stale, Stored
from tests.unit.router.rigs import Rig, balances

ALL = Event(id="e", address="all", type="X", contract=Contract.EVERY, body=b'{"id":"e"}')


def edge(number: int) -> EdgeStream:
    return EdgeStream(
        number,
        pb.Hello(node_id=f"edge-{number}"),
        send_queue=SendQueue(limit_bytes=10_000),
        attached_ms=0,
        subscribes=1,
        fetches=1,
        publishes=1,
    )


def a_journal() -> Journal:
    return Journal("r", recorder=FlightRecorder(), clock=Clock(monotonic=lambda: 0.0))


def fanout(*edges: EdgeStream, journal: Journal | None = None) -> Fanout:
    """One session in `all` on each edge but the last."""
    subscriptions = Subscriptions()
    for each in edges[:-1]:
        info = DeviceInfo(user="maya", device=f"d{each.number}")
        key = SessionKey(each.number, 1)
        subscriptions.add(Subscription(key=key, address="all", shard=0, info=info))
    found = Fanout(subscriptions, journal or a_journal(), EventMeasures())
    for each in edges:
        found.attach(each)
    return found


async def test_an_event_is_pushed_once_to_an_edge_with_many_sessions(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(2, "maya:phone")
    await rig.pushed(2)  # two devices came

    await rig.credit("maya", 500)

    assert balances(await rig.pushed(1)) == [(3, 500)]


async def test_only_edges_with_a_session_in_the_queue_get_a_push() -> None:
    first, other = edge(1), edge(2)
    fanout(first, other).push(0, 1, Entry(seq=7, event=ALL))

    [frame] = await first.next()
    assert [entry.seq for push in frame.deliver.pushes for entry in push.entries] == [7]
    assert other.waiting_bytes == 0


async def test_only_what_was_stored_is_pushed_in_order() -> None:
    first, other = edge(1), edge(2)
    outcomes: list[Outcome] = [Stored(1), Duplicate(), Stale(), Stored(2)]
    fanout(first, other).stored(0, 1, [ALL] * 4, outcomes)

    [frame] = await first.next()
    assert [entry.seq for push in frame.deliver.pushes for entry in push.entries] == [1, 2]


async def test_a_gap_is_told_where_pushes_may_be_missing() -> None:
    first, other = edge(1), edge(2)
    fanout(first, other).gap(0, 1, ["all", "room:nobody"])

    [frame] = await first.next()
    assert (frame.gap.address, frame.gap.term) == ("all", 1)


async def test_everybody_hears_an_announcement_who_is_attached_still() -> None:
    first, other = edge(1), edge(2)
    found = fanout(first, other)
    assert found.each() == [first, other]

    assert found.detach(first)
    assert not found.detach(first)
    found.announce(pb.AttachResponse(drain=pb.Drain()))

    assert (found.find(1), found.find(2)) == (None, other)
    assert first.waiting_bytes == 0
    [frame] = await other.next()
    assert frame.HasField("drain")


async def test_dropped_pushes_are_noted_once_for_each_gap_with_where_it_begins() -> None:
    first, mine = edge(1), a_journal()
    found = fanout(first, edge(2), journal=mine)
    big = replace(ALL, body=b"x" * 9_000)
    names = [found.push(0, 1, Entry(seq=seq, event=big)) for seq in range(1, 5)]
    await first.next(100_000)
    names.append(found.push(0, 1, Entry(seq=5, event=big)))
    found.push(0, 1, Entry(seq=6, event=big))

    facts = mine.recall(Query(address="all"))

    assert names == ["edge-1", "", "", "", "edge-1"]
    assert [(fact.kind, fact.first, fact.text) for fact in facts] == [
        ("dropped", 2, "edge-1"),
        ("dropped", 6, "edge-1"),
    ]


async def test_an_edge_whose_stream_has_ended_takes_no_push() -> None:
    first = edge(1)
    found = fanout(first, edge(2))
    first.close()

    assert found.push(0, 1, Entry(seq=7, event=ALL)) == ""
