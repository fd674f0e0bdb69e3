"""Which steps of a trace a router adds: arrived, in a commit, stored, or why not."""

from __future__ import annotations

import pytest

from kull_protos.common.measures import Count
from kull_protos.common.tracing import NO_TRACER
from kull_router.delivery.store_traces import StoreTraces
from kull_router.measures.events import TRACES_GIVEN_UP
from kull_router.queues.entry import Contract, Event
from tests.support.tracing import MemoryTracer

PARENT = "00-{:032x}-b7ad6b7169203331-01"


def event(number: int, trace: str | None = None) -> Event:
    return Event(
        id=f"event-{number}",
        address="user:maya",
        type="CREDIT_UPDATE",
        contract=Contract.EVERY,
        body=b'{"a":1}',
        trace=PARENT.format(number) if trace is None else trace,
    )


@pytest.fixture
def tracer() -> MemoryTracer:
    return MemoryTracer()


@pytest.fixture
def given_up() -> Count:
    return Count(TRACES_GIVEN_UP)


@pytest.fixture
def traces(tracer: MemoryTracer, given_up: Count) -> StoreTraces:
    return StoreTraces(tracer, given_up=given_up, max_open=2)


def test_what_goes_on_bears_the_routers_step(tracer: MemoryTracer, traces: StoreTraces) -> None:
    gone_on = traces.arrived(event(1))

    (span,) = tracer.spans
    assert gone_on.trace == span.traceparent
    assert (span.parent, span.trace) == (PARENT.format(1), f"{1:032x}")
    assert span.attributes["messaging.message.id"] == "event-1"
    assert not span.ended
    traces.stored(gone_on)
    assert (span.ended, span.error) == (True, "")


def test_a_commit_ends_its_events_and_is_linked_with_all_of_them(
    tracer: MemoryTracer, traces: StoreTraces
) -> None:
    one, two = traces.arrived(event(1)), traces.arrived(event(2))

    with traces.commit([one, event(3, trace=""), two]):
        assert not any(span.ended for span in tracer.spans)

    first, second, commit = tracer.spans
    assert commit.parent == first.traceparent
    assert commit.links == [second.traceparent]
    assert second.links == [commit.traceparent]
    assert commit.attributes == {"messaging.batch.message_count": 3}
    assert all(span.ended and not span.error for span in tracer.spans)


def test_a_commit_that_fails_says_so_and_leaves_its_events_waiting(
    tracer: MemoryTracer, traces: StoreTraces
) -> None:
    one = traces.arrived(event(1))

    with pytest.raises(ValueError, match="full"), traces.commit([one]):
        raise ValueError("the disk is full")

    arrived, commit = tracer.spans
    assert (commit.ended, commit.error) == (True, "the disk is full")
    assert not arrived.ended
    traces.failed(one, "never")
    traces.failed(one, "again")
    assert arrived.error == "never"


def test_of_too_many_that_wait_the_oldest_is_given_up(
    tracer: MemoryTracer, traces: StoreTraces, given_up: Count
) -> None:
    for number in range(1, 4):
        traces.arrived(event(number))

    assert given_up.value == 1
    assert [span.ended for span in tracer.spans] == [True, False, False]
    assert "too many" in tracer.spans[0].error


def test_without_a_tracer_nothing_of_a_trace_goes_on() -> None:
    traces = StoreTraces(NO_TRACER, given_up=Count(TRACES_GIVEN_UP))

    assert traces.arrived(event(1)).trace == ""
    with traces.commit([event(1)]):
        pass


def test_what_is_not_traced_costs_no_step(tracer: MemoryTracer, traces: StoreTraces) -> None:
    plain = event(1, trace="")

    assert traces.arrived(plain) is plain
    with traces.commit([plain]):
        pass
    traces.failed(plain, "why")
    assert tracer.spans == []
