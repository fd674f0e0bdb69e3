"""A router's journal: each fact with its moment, on whatever clock whoever asks has."""

from __future__ import annotations

import gc
from dataclasses import replace

from kull_protos.common.flight_recorder import FlightRecorder, Kind, Query
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.delivery.journal import SAME_REFUSAL, Journal
from kull_router.queues.entry import Contract, Event
from kull_router.queues.port import CursorUpdate, DeviceInfo, Duplicate, Stale, Stored

MAC = DeviceInfo(user="maya", device="mac")
MAYA = "user:maya"
EVENT = Event(id="e-1", address=MAYA, type="X", contract=Contract.LATEST, key="k", body=b"{}")
ALL = Query(event_id="e-1", address=MAYA, shard=3, user_id="maya")


class Time:
    def __init__(self) -> None:
        self.seconds, self.wall_ms = 5.0, 1_000_000


def journal(time: Time) -> Journal:
    clock = Clock(monotonic=lambda: time.seconds, wall_ms=lambda: time.wall_ms)
    return Journal("router-1", recorder=FlightRecorder(), clock=clock)


def test_a_fact_bears_the_moment_by_the_clock_of_now() -> None:
    time = Time()
    mine = journal(time)
    mine.owned(3, 7)
    time.seconds += 2
    time.wall_ms += 60_000  # it was set right meanwhile

    (fact,) = mine.recall(ALL)

    assert fact == pb.Fact(at=1_058_000, node="router-1", kind="owned", code=3, term=7)
    assert mine.since_ms == 1_058_000


def test_facts_are_told_in_their_order_although_time_passes_while_they_are_told() -> None:
    time = Time()

    def passing() -> int:
        time.seconds += 0.0006
        time.wall_ms += round(time.seconds * 1000) % 2
        return time.wall_ms

    clock = Clock(monotonic=lambda: time.seconds, wall_ms=passing)
    mine = Journal("router-1", recorder=FlightRecorder(), clock=clock)
    mine.stored(1.0, 7, EVENT, Stored(5), "edge-1")
    for _ in range(20):
        mine.not_stored(1.0, EVENT, Duplicate())

    assert len({fact.at for fact in mine.recall(ALL)}) == 1


def test_what_was_stored_replaced_or_dropped_is_told_apart() -> None:
    mine = journal(Time())
    mine.stored(1.0, 7, EVENT, Stored(5, replaced=2), "edge-1, edge-2")
    mine.not_stored(2.0, EVENT, Duplicate())
    mine.not_stored(3.0, EVENT, Stale())

    assert [(fact.kind, fact.first, fact.last, fact.text) for fact in mine.recall(ALL)] == [
        (Kind.STORED, 5, 5, "edge-1, edge-2"),
        (Kind.REPLACED, 2, 5, ""),
        (Kind.DUPLICATE, 0, 0, "k"),
        (Kind.STALE, 0, 0, "k"),
    ]


def test_the_garbage_collector_has_no_delivery_to_follow() -> None:
    recorder = FlightRecorder()
    mine = Journal("router-1", recorder=recorder, clock=Clock(monotonic=lambda: 1.0))
    mine.stored(1.0, 7, EVENT, Stored(5, replaced=2), "edge-1")
    mine.not_stored(2.0, EVENT, Stale())
    mine.acknowledged([CursorUpdate(address=MAYA, user="maya", device="mac", seq=5)])

    gc.collect()

    assert [row[0] for row in recorder._often if gc.is_tracked(row)] == []


def test_a_refusal_is_noted_for_the_user_whose_queue_was_wanted() -> None:
    mine = journal(Time())
    mine.refused(MAYA, "mac", 4501, "get a new token")
    mine.refused(MAYA, "mac", 0, "not the owner")  # the edge asks another router: no news
    mine.refused("room:r", "mac", 4500, "not granted")

    (fact,) = mine.recall(ALL)

    assert (fact.kind, fact.user_id, fact.device_id, fact.code) == (
        "refused",
        "maya",
        "mac",
        4501,
    )


def test_a_refusal_that_is_repeated_is_noted_once_until_the_device_was_taken() -> None:
    time = Time()
    mine = journal(time)
    for number in range(100):
        mine.refused(MAYA, "mac", 4500, f"forged {number}")
    mine.refused(MAYA, "mac", 4501, "get a new token")
    mine.subscribed(MAC, pb.Subscribed(address=MAYA, recovered=True), "edge-1")
    mine.refused(MAYA, "mac", 4501, "get a new token")
    time.seconds += SAME_REFUSAL
    mine.refused(MAYA, "mac", 4501, "get a new token")

    codes = [fact.code for fact in mine.recall(ALL) if fact.kind == "refused"]

    assert codes == [4500, 4501, 4501, 4501]


def test_who_an_event_is_not_meant_for_is_remembered() -> None:
    mine = journal(Time())
    mine.stored(1.0, 7, replace(EVENT, exclude_device="mac"), Stored(5), "edge-1")

    (fact,) = mine.recall(ALL)

    assert (fact.kind, fact.user_id, fact.device_id) == ("stored", "", "mac")


def test_a_devices_life_is_noted_step_by_step() -> None:
    time = Time()
    mine = journal(time)
    answer = pb.Subscribed(address=MAYA, after=3, head=5, term=2, recovered=True)
    mine.subscribed(MAC, answer, "edge-1")
    time.seconds += 1
    mine.acknowledged([CursorUpdate(address=MAYA, user="maya", device="mac", seq=5)])
    time.seconds += 1
    mine.evicted(MAC, 4503, "again")
    mine.released(MAC)
    answer.recovered = False
    mine.subscribed(MAC, answer, "edge-2")

    assert [(fact.kind, fact.first, fact.last) for fact in mine.recall(ALL)] == [
        ("subscribed", 3, 5),
        ("acknowledged", 0, 5),
        ("evicted", 0, 0),
        ("released", 0, 0),
        ("lost", 3, 5),
    ]


def test_a_dead_letter_without_an_id_is_not_noted() -> None:
    mine = journal(Time())
    mine.buried("", "no event")
    mine.buried("e-1", "no event")

    assert [fact.event_id for fact in mine.recall(ALL)] == ["e-1"]


def test_a_journal_without_facts_goes_back_to_no_moment() -> None:
    assert journal(Time()).since_ms == 0
