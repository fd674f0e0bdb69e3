from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kull_producers.publishing.lanes import Lanes, Ticket


def test_events_of_one_address_go_together_once_the_first_is_on_its_way() -> None:
    lanes = Lanes()
    first, second = lanes.enter("a"), lanes.enter("a")

    assert (first.may_go.is_set(), second.may_go.is_set()) == (True, False)
    lanes.sent(first)
    assert second.may_go.is_set()


def test_addresses_do_not_wait_for_each_other() -> None:
    lanes = Lanes()
    lanes.enter("a")

    assert lanes.enter("b").may_go.is_set()


def test_a_failed_event_holds_back_the_later_ones_until_it_is_settled() -> None:
    lanes = Lanes()
    first = lanes.enter("a")
    lanes.sent(first)
    lanes.failed(first)
    second = lanes.enter("a")

    lanes.sent(first)
    assert not second.may_go.is_set()
    lanes.leave(first)
    assert second.may_go.is_set()


def test_events_that_failed_together_go_again_one_by_one_in_order() -> None:
    lanes = Lanes()
    tickets = [lanes.enter("a") for _ in range(3)]
    for ticket in tickets:
        lanes.sent(ticket)
    for ticket in reversed(tickets):  # failures may be noticed in any order
        lanes.failed(ticket)

    for number, ticket in enumerate(tickets):
        assert [t.may_go.is_set() for t in tickets[number:]] == [True] + [False] * (2 - number)
        lanes.sent(ticket)
        lanes.leave(ticket)


def test_an_event_given_up_while_waiting_leaves_the_lane_open() -> None:
    lanes = Lanes()
    first, second, third = (lanes.enter("a") for _ in range(3))
    lanes.leave(second)
    assert not third.may_go.is_set()
    lanes.leave(first)
    assert third.may_go.is_set()


def test_empty_lanes_are_forgotten() -> None:
    lanes = Lanes()
    ticket = lanes.enter("a")
    lanes.sent(ticket)
    lanes.leave(ticket)

    assert len(lanes) == 0


@given(st.lists(st.tuples(st.sampled_from(["enter", "send", "fail", "leave"]), st.integers(0, 9))))
def test_whatever_happens_only_the_front_may_go_and_nothing_is_stuck(
    steps: list[tuple[str, int]],
) -> None:
    lanes = Lanes()
    line: list[Ticket] = []
    for step, number in steps:
        ticket = line[number % len(line)] if line else None
        if step == "enter":
            line.append(lanes.enter("a"))
        elif ticket is None:
            continue
        elif step == "send" and ticket.may_go.is_set() and not ticket.sent:
            lanes.sent(ticket)
        elif step == "fail" and ticket.sent:
            lanes.failed(ticket)
        elif step == "leave":
            line.remove(ticket)
            lanes.leave(ticket)

        waiting = [t for t in line if not t.sent]
        holding = next((i for i, t in enumerate(line) if t.holds_back), len(line))
        for position, each in enumerate(line):
            if each in waiting:
                assert each.may_go.is_set() == (position <= holding)
