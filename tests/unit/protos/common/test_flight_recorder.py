"""A flight recorder remembers the last of what happened, in bounded memory, and finds it again."""

from __future__ import annotations

import pytest

from kull_protos.common.flight_recorder import Fact, FlightRecorder, Kind, Query, Row

MAYA = "user:maya"


def stored(at: float, first: int, last: int, address: str = MAYA) -> Row:
    return Fact(Kind.STORED, at, address, first=first, last=last)


def refused(at: float, device: str = "mac", user: str = "maya") -> Fact:
    return Fact(Kind.REFUSED, at, MAYA, user, device, code=4501)


def test_facts_are_recalled_in_order_whatever_their_kind() -> None:
    recorder = FlightRecorder()
    recorder.note(refused(2.0))
    recorder.delivered(stored(1.0, 1, 1))
    recorder.delivered(stored(3.0, 2, 2))

    found = recorder.recall(Query(address=MAYA, user_id="maya"))

    assert [fact.at for fact in found] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("seq", [4, 5, 6])
def test_a_position_is_found_in_the_run_that_holds_it(seq: int) -> None:
    recorder = FlightRecorder()
    for at, run in enumerate([(1, 3), (4, 6), (7, 9)]):
        recorder.delivered(stored(at, *run))
        recorder.delivered(stored(at, *run, address="user:otto"))

    (found,) = recorder.recall(Query(address=MAYA, seq=seq))

    assert (found.first, found.last, found.address) == (4, 6, MAYA)


def test_an_acknowledgement_bears_on_all_positions_before_it() -> None:
    recorder = FlightRecorder()
    for seq in (3, 7):
        recorder.delivered(Fact(Kind.ACKNOWLEDGED, seq, MAYA, "maya", "mac", last=seq))

    query = Query(address=MAYA, seq=5, user_id="maya")

    assert [fact.last for fact in recorder.recall(query)] == [7]


def test_a_fact_of_an_event_is_found_by_its_id_alone() -> None:
    recorder = FlightRecorder()
    recorder.note(Fact(Kind.DEAD, 1.0, event_id="e-1", text="no event"))
    recorder.delivered(Fact(Kind.STALE, 2.0, MAYA, event_id="e-1"))
    recorder.note(Fact(Kind.DEAD, 3.0, event_id="e-2"))

    assert [fact.at for fact in recorder.recall(Query(event_id="e-1"))] == [1.0, 2.0]


def test_facts_of_other_users_devices_and_shards_are_left_out() -> None:
    recorder = FlightRecorder()
    for device, user in (("mac", "maya"), ("phone", "maya"), ("mac", "otto")):
        recorder.note(refused(1.0, device, user))
    recorder.note(Fact(Kind.OWNED, 1.0, code=3))
    recorder.note(Fact(Kind.OWNED, 2.0, code=4))

    found = recorder.recall(Query(address=MAYA, shard=4, user_id="maya", device_id="mac"))

    assert [(fact.kind, fact.device_id, fact.code) for fact in found] == [
        (Kind.REFUSED, "mac", 4501),
        (Kind.OWNED, "", 4),
    ]


def test_its_memory_is_bounded_and_the_newest_stay() -> None:
    recorder = FlightRecorder(40_000)
    for number in range(1000):
        recorder.delivered(stored(number, number, number))
        recorder.note(refused(number))
        assert recorder.bytes <= 40_000

    kept = recorder.recall(Query(address=MAYA, user_id="maya"))

    assert kept[-1].at == 999
    assert {fact.kind for fact in kept} == {Kind.STORED, Kind.REFUSED}


def test_a_busy_queue_does_not_push_out_why_a_device_was_refused() -> None:
    recorder = FlightRecorder(40_000)
    recorder.note(refused(0.0))
    for number in range(1000):
        recorder.delivered(stored(number, number, number))

    (first, *_) = recorder.recall(Query(address=MAYA, user_id="maya"))

    assert first == refused(0.0)


def test_it_says_since_when_nothing_is_missing() -> None:
    recorder = FlightRecorder(40_000)
    assert recorder.since is None
    recorder.note(refused(1.0))
    recorder.delivered(stored(2.0, 1, 1))
    assert recorder.since == 1.0

    for number in range(3, 1003):
        recorder.delivered(stored(number, number, number))

    assert recorder.since is not None
    kept = [fact.at for fact in recorder.recall(Query(address=MAYA))]
    assert recorder.since == min(kept) - 1


def test_of_a_position_each_device_has_acknowledged_once() -> None:
    recorder = FlightRecorder()
    for seq in range(1, 9):
        for device in ("mac", "phone"):
            recorder.delivered(Fact(Kind.ACKNOWLEDGED, seq, MAYA, "maya", device, last=seq))

    found = recorder.recall(Query(address=MAYA, seq=5, user_id="maya"))

    assert [(fact.device_id, fact.last) for fact in found] == [("mac", 5), ("phone", 5)]


def test_a_busy_queue_does_not_push_a_devices_life_out_of_an_answer() -> None:
    recorder = FlightRecorder()
    recorder.note(refused(0.0))
    for number in range(1, 10):
        recorder.delivered(stored(number, number, number))

    found = recorder.recall(Query(address=MAYA, user_id="maya"), limit=2)

    assert [fact.at for fact in found] == [0.0, 8, 9]


def test_an_answer_is_bounded_to_the_newest() -> None:
    recorder = FlightRecorder()
    for number in range(10):
        recorder.delivered(stored(number, number, number))

    assert [fact.at for fact in recorder.recall(Query(address=MAYA), limit=2)] == [8, 9]


def test_texts_count_as_memory() -> None:
    recorder = FlightRecorder(40_000)
    for number in range(100):
        recorder.delivered(Fact(Kind.STALE, number, MAYA, event_id="e" * 200, text="k" * 1_000))

    assert len(recorder.recall(Query(address=MAYA, event_id="e" * 200))) < 25
