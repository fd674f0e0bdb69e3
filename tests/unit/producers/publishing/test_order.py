from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kull_producers.publishing.order import Place, PublishOrder


def test_events_of_one_address_go_together_once_the_first_is_on_its_way() -> None:
    order = PublishOrder()
    first, second = order.enter("a"), order.enter("a")

    assert (first.may_go.is_set(), second.may_go.is_set()) == (True, False)
    order.sent(first)
    assert second.may_go.is_set()


def test_addresses_do_not_wait_for_each_other() -> None:
    order = PublishOrder()
    order.enter("a")

    assert order.enter("b").may_go.is_set()


def test_a_failed_event_holds_back_the_later_ones_until_it_is_settled() -> None:
    order = PublishOrder()
    first = order.enter("a")
    order.sent(first)
    order.failed(first)
    second = order.enter("a")

    order.sent(first)
    assert not second.may_go.is_set()
    order.release(first)
    assert second.may_go.is_set()


def test_events_that_failed_together_go_again_one_by_one_in_order() -> None:
    order = PublishOrder()
    places = [order.enter("a") for _ in range(3)]
    for place in places:
        order.sent(place)
    for place in reversed(places):  # failures may be noticed in any order
        order.failed(place)

    for number, place in enumerate(places):
        assert [t.may_go.is_set() for t in places[number:]] == [True] + [False] * (2 - number)
        order.sent(place)
        order.release(place)


def test_an_event_given_up_while_waiting_holds_nobody_back() -> None:
    order = PublishOrder()
    first, second, third = (order.enter("a") for _ in range(3))
    order.release(second)
    assert not third.may_go.is_set()
    order.release(first)
    assert third.may_go.is_set()


def test_addresses_without_events_are_forgotten() -> None:
    order = PublishOrder()
    place = order.enter("a")
    order.sent(place)
    order.release(place)

    assert len(order) == 0


@given(
    st.lists(st.tuples(st.sampled_from(["enter", "send", "fail", "release"]), st.integers(0, 9)))
)
def test_whatever_happens_only_the_front_may_go_and_nothing_is_stuck(
    steps: list[tuple[str, int]],
) -> None:
    order = PublishOrder()
    line: list[Place] = []
    for step, number in steps:
        place = line[number % len(line)] if line else None
        if step == "enter":
            line.append(order.enter("a"))
        elif place is None:
            continue
        elif step == "send" and place.may_go.is_set() and not place.sent:
            order.sent(place)
        elif step == "fail" and place.sent:
            order.failed(place)
        elif step == "release":
            line.remove(place)
            order.release(place)

        waiting = [t for t in line if not t.sent]
        holding = next((i for i, t in enumerate(line) if t.holds_back), len(line))
        for position, each in enumerate(line):
            if each in waiting:
                assert each.may_go.is_set() == (position <= holding)
