"""What several routers answer is put together once."""

from __future__ import annotations

import pytest

from kull_protos.common.flight_recorder import Kind
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1.attach_pb2 import Fact
from kull_protos.why.evidence import merge, user_of
from tests.unit.protos.why.answers import (
    MAYA,
    NOW,
    answer,
    evidence,
    fact,
    following,
    known,
    of_mac,
    trace,
)

STORED = fact(Kind.STORED, address=MAYA, first=7, last=7, term=4)
EARLIER = fact(Kind.STORED, address=MAYA, first=7, last=7, term=3)
REPLACED = fact(Kind.REPLACED, address=MAYA, first=7, last=9, term=4)


def test_an_event_in_a_shared_store_is_told_once_with_who_is_connected_anywhere() -> None:
    first = answer(traces=[trace(known(), known("phone", connected=True))])
    other = answer(traces=[trace(known(connected=True), known("phone"))], router="router-2")

    (found,) = merge([first, other], {}).traces

    assert [each.connected for each in found.devices] == [True, True]


def test_one_id_of_several_types_is_several_events() -> None:
    found = evidence(traces=[trace(), trace(type="Y"), trace(service="t")])

    assert len(found.traces) == 3


def test_a_fact_of_an_edge_that_two_routers_tell_is_one_although_clocks_were_read_twice() -> None:
    told = [of_mac(Kind.GONE, at=NOW + off, node="edge-1") for off in (0, 3)]
    later = of_mac(Kind.GONE, at=NOW + 5_000, node="edge-1")

    found = merge([answer(told[0], later), answer(told[1], router="router-2")], {})

    assert [each.at for each in found.facts] == [NOW, NOW + 5_000]


def test_the_same_of_two_routers_is_two_facts() -> None:
    found = evidence(fact(Kind.OWNED, code=3), fact(Kind.OWNED, code=3, node="router-2"))

    assert len(found.facts) == 2


def test_a_session_is_told_once() -> None:
    found = merge([answer(sessions=[following()]), answer(sessions=[following()])], {})

    assert len(found.following) == 1


def test_the_owner_is_the_router_of_the_highest_term() -> None:
    found = merge([answer(owns=4), answer(owns=5, router="router-2"), answer(owns=None)], {})

    owner = found.owner(3)
    assert owner is not None
    assert owner.router_id == "router-2"
    assert found.owner(1) is None


def test_an_edge_is_silent_only_if_no_router_heard_it() -> None:
    first = answer(silent_edges=["edge-1", "edge-2"])
    other = answer(sessions=[following(node="edge-2")])

    assert merge([first, other], {}).silent_edges == ["edge-1"]


def test_what_is_remembered_begins_where_all_remember() -> None:
    assert merge([answer(remembers_since=5), answer(remembers_since=9)], {}).since == 9
    assert merge([], {}).since == 0


def test_facts_are_chosen_by_kind_and_whose_they_are() -> None:
    found = evidence(of_mac(Kind.GONE), fact(Kind.GONE, user_id="otto"), of_mac(Kind.CLOSED))

    assert found.of(Kind.GONE, user="maya", device="mac") == [of_mac(Kind.GONE)]
    assert len(found.of(Kind.GONE, Kind.CLOSED)) == 3


def test_only_a_users_queue_is_somebodys() -> None:
    assert user_of("user:maya") == "maya"
    assert user_of("room:maya") == user_of("all") == ""


def test_one_fact_that_two_routers_have_moved_to_their_own_times_is_told_once() -> None:
    told = [of_mac(Kind.GONE, at=NOW + off, node="edge-1") for off in (0, 90_000)]

    found = merge(
        [
            answer(told[0], shifts={"edge-1": 0}),
            answer(told[1], router="router-2", shifts={"edge-1": 90_003}),
        ],
        {},
    )

    assert len(found.facts) == 1


def test_an_edge_that_has_nothing_to_tell_is_not_silent() -> None:
    first = answer(silent_edges=["edge-1"])

    assert not merge([first, answer(shifts={"edge-1": 3})], {}).silent_edges


@pytest.mark.parametrize(
    ("facts", "event", "known_to_be"),
    [
        ([STORED], trace(kept=False, floor=7), True),
        ([], trace(kept=False, floor=7), False),
        ([STORED, REPLACED], trace(kept=False, floor=7), False),
        ([STORED], trace(kept=False), False),
        ([STORED], trace(floor=7), False),
        ([EARLIER], trace(kept=False, floor=7), False),
    ],
    ids=["trimmed", "forgotten", "replaced", "above-the-floor", "kept", "another-term-meanwhile"],
)
def test_that_an_event_was_trimmed_is_known_to_who_has_owned_its_queue_all_along(
    facts: list[Fact], event: pb.Trace, *, known_to_be: bool
) -> None:
    assert evidence(*facts, traces=[event]).was_trimmed(event) == known_to_be
