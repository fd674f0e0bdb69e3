"""What is newest of a key, without a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kull_router.queues.entry import NO_PROGRESS, Event
from kull_router.queues.newest import RUNS_KEPT, Newest, heard_of, text_of
from tests.support.stores import tick


def said(
    run: str,
    version: int,
    progress: int = NO_PROGRESS,
    *,
    final: bool = False,
    late: bool = False,
) -> Event:
    return tick(
        f"{run}{version}", run=run, version=version, progress=progress, final=final, late=late
    )


def kept(*events: Event) -> list[str]:
    """Return the ids of those that are stored, in the order of their arrival."""
    newest: Newest | None = None
    ids = []
    for seq, event in enumerate(events, 1):
        if newest is not None and newest.outdates(event):
            continue
        newest = newest.followed_by(event, seq) if newest else Newest.first(event, seq)
        ids.append(event.id)
    return ids


def test_a_completed_shoot_is_told_although_another_worker_has_said_more() -> None:
    workers = [said("a", 900, 3), said("b", 1, 7), said("b", 2, 10, final=True)]
    assert kept(*workers) == ["a900", "b1", "b2"]


@pytest.mark.parametrize(
    ("late", "why"),
    [
        (said("a", 2, 9), "it counted for this run of the shoot"),
        (said("a", 2, 10), "all is counted, and the end was told"),
        (said("b", 1, 10), "it was said before the end"),
        (said("c", 1, 5, late=True), "it has waited in an outbox"),
        (said("c", 1, 0, late=True), "also when it was the beginning"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_comes_late_does_not_undo_an_end(late: Event, why: str) -> None:
    before = [said("a", 1, 3), said("b", 2, 10, final=True)]
    assert kept(*before, late) == ["a1", "b2"], why


@pytest.mark.parametrize(
    "anew",
    [said("b", 3, 1), said("a", 2, 0), said("c", 1, 1), said("b", 3, 0, late=True)],
    ids=["by who has ended it", "from 0", "by somebody else", "late, by who has ended it"],
)
def test_a_shoot_that_is_processed_again_is_told(anew: Event) -> None:
    before = [said("a", 1, 3), said("b", 2, 10, final=True)]
    assert kept(*before, anew) == ["a1", "b2", anew.id]


def test_who_spoke_of_the_run_before_only_is_no_late_comer_of_this_one() -> None:
    first = [said("a", 1, 3), said("b", 1, 10, final=True)]
    second = [said("c", 1, 0), said("c", 2, 8, final=True)]
    assert kept(*first, *second, said("a", 2, 1)) == ["a1", "b1", "c1", "c2", "a2"]


def test_a_failed_shoot_goes_on_where_it_stood() -> None:
    assert kept(said("a", 1, 4, final=True), said("b", 1, 4), said("b", 2, 5)) == ["a1", "b1", "b2"]
    assert kept(said("a", 1, 4, final=True), said("b", 1, 5, late=True)) == ["a1", "b1"]


def test_of_a_run_that_was_the_newest_once_nothing_comes_again() -> None:
    assert kept(said("a", 5), said("b", 3), said("a", 5), said("a", 6)) == ["a5", "b3", "a6"]


def test_runs_are_forgotten_that_have_long_said_nothing() -> None:
    others = [said(f"run-{number}", 1) for number in range(RUNS_KEPT)]
    assert kept(said("a", 5), *others[1:], said("a", 4))[-1] != "a4"
    assert kept(said("a", 5), *others, said("a", 4))[-1] == "a4"


@st.composite
def _events(draw: st.DrawFn) -> list[Event]:
    """Events of a few runs, each numbered in the order of its calls, arriving in any order."""
    drawn = draw(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(-1, 4), st.booleans()), max_size=12)
    )
    events = [said(run, n, progress, final=final) for n, (run, progress, final) in enumerate(drawn)]
    return draw(st.permutations(events))


@given(_events())
def test_what_is_stored_of_a_run_is_in_its_order(events: list[Event]) -> None:
    last: dict[str, int] = {}
    by_id = {event.id: event for event in events}
    for event in map(by_id.__getitem__, kept(*events)):
        assert event.version >= last.get(event.run, -1)
        last[event.run] = event.version


@given(_events())
def test_nothing_is_stale_but_what_is_behind_in_its_run_or_its_count(events: list[Event]) -> None:
    stored: list[Event] = []
    names = set(kept(*events))
    for event in events:
        if event.id in names:
            stored.append(event)
            continue
        later = any(each.run == event.run and each.version > event.version for each in stored)
        newest = stored[-1]
        further = event.progress != NO_PROGRESS and (newest.progress, newest.final) > (
            event.progress,
            event.final,
        )
        assert later or further


@given(_events())
def test_what_a_database_keeps_of_it_is_all_of_it(events: list[Event]) -> None:
    newest = Newest(seq=0)
    for event in events:
        newest = newest.followed_by(event, 1)
    assert heard_of(text_of(newest.heard)) == newest.heard
