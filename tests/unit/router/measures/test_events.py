"""Events are counted by batch, and their latencies by the clocks that there are."""

from __future__ import annotations

from kull_protos.common.measures import OTHER
from kull_router.measures.events import EventMeasures
from kull_router.queues.entry import Contract, Event
from kull_router.queues.port import Duplicate, Stale, Stored


def event(kind: str) -> Event:
    return Event(id="e", address="all", type=kind, contract=Contract.EVERY, body=b"{}")


def test_a_batch_is_counted_by_type_and_outcome() -> None:
    measures = EventMeasures()
    kinds = ["CREDIT_UPDATE", "CREDIT_UPDATE", "CREDIT_UPDATE", "SHOOT_PROGRESS"]

    measures.committed(list(map(event, kinds)), [Stored(1), Duplicate(), Stored(2), Stale()])

    assert measures.events.get("CREDIT_UPDATE", "stored") == 2
    assert measures.events.get("CREDIT_UPDATE", "duplicate") == 1
    assert measures.events.get("SHOOT_PROGRESS", "stale") == 1


def test_types_that_somebody_makes_up_count_together() -> None:
    measures = EventMeasures()
    made_up = [event(f"MADE_UP_{number}") for number in range(1000)]

    measures.committed(made_up, [Stored(1)] * 1000)

    assert measures.events.get(OTHER, "stored") == 1000
    assert len(measures.events.read().samples) == measures.events.metric.series


def test_a_publisher_that_is_ahead_counts_as_no_time_and_is_told_of() -> None:
    measures = EventMeasures()

    measures.took([-5000, 0, 2000])

    assert measures.ahead.value == 1
    assert measures.publish_to_stored.count == 3
    assert measures.publish_to_stored.sum == 2.0
