"""The queue's rules by themselves; `tests/contract/store` shows them through each store."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kull_router.queues import rules
from kull_router.queues.entry import Contract, Entry, Event, Identity
from kull_router.queues.newest import Newest
from kull_router.queues.port import Duplicate, Outcome, Retention, Stale, Stored
from kull_router.queues.rules import Cursor, Figures, Kept, Plan
from tests.support.stores import NOW, credit, tick


def plan(
    *arriving: Event,
    figures: Figures | None = None,
    seen: frozenset[Identity] = frozenset(),
    newest: dict[str, Newest] | None = None,
    retention: Retention | None = None,
) -> tuple[Plan, list[Outcome]]:
    return rules.plan(
        figures or Figures(),
        arriving,
        seen=seen,
        newest=newest or {},
        retention=retention or Retention(),
    )


def test_what_is_replaced_within_one_append_is_never_inserted() -> None:
    changes, outcomes = plan(tick("a"), credit("b"), tick("c"))
    assert outcomes == [Stored(1), Stored(2), Stored(3, replaced=1)]
    assert list(changes.entries) == [2, 3]
    assert changes.replaced == []
    events = [tick("a"), credit("b"), tick("c")]
    assert changes.seen == {event.identity: seq for seq, event in enumerate(events, 1)}
    assert changes.figures == Figures(head=3, every=1, latest=1)


def test_a_kept_entry_that_is_replaced_is_named_once() -> None:
    changes, _ = plan(
        tick("a", version=4),
        tick("b", version=4),
        figures=Figures(head=9, latest=1),
        newest={"shoot:1": Newest.first(tick("x", version=3), 5)},
    )
    assert changes.replaced == [5]
    assert changes.newest == {"shoot:1": Newest.first(tick("b", version=4), 11)}
    assert changes.figures == Figures(head=11, latest=1)


def test_duplicates_and_stale_events_change_nothing() -> None:
    figures = Figures(head=9, floor=2, every=3, latest=1)
    changes, outcomes = plan(
        credit("a"),
        tick("b", version=1),
        figures=figures,
        seen=frozenset({credit("a").identity}),
        newest={"shoot:1": Newest.first(tick("x", version=2), 0)},
    )
    assert outcomes == [Duplicate(), Stale()]
    assert changes == Plan(figures=figures)


def test_the_excess_is_counted_per_contract() -> None:
    changes, _ = plan(
        credit("a"),
        credit("b"),
        tick("c"),
        figures=Figures(head=8, every=4, latest=4),
        retention=Retention(every_entries=3, latest_entries=5),
    )
    assert changes.excess == {Contract.EVERY: 3}


def test_the_floor_follows_what_retention_removes_and_never_goes_back() -> None:
    gone = [Kept(4, Contract.EVERY, "", False, NOW), Kept(3, Contract.LATEST, "k", True, NOW)]
    before = Figures(head=9, every=2, latest=2)
    assert rules.without(before, gone) == Figures(head=9, floor=4, every=1, latest=1)
    assert rules.without(Figures(head=9, floor=7, every=2, latest=2), gone).floor == 7


@given(
    cursor=st.none() | st.builds(Cursor, st.integers(0, 9), st.integers(0, 9)),
    position=st.none() | st.integers(0, 12),
    head=st.integers(0, 9),
    floor=st.integers(0, 9),
)
@settings(max_examples=1_000)
def test_an_attach_never_loses_entries_silently(
    cursor: Cursor | None, position: int | None, head: int, floor: int
) -> None:
    figures = Figures(head=head, floor=min(floor, head))
    attached, stored = rules.attach(figures, cursor, position)
    claimed = position if position is not None else cursor.seq if cursor else None
    if attached.recovered:
        assert not rules.is_lost(figures, attached.after, attached.initial_head)
        assert claimed is None or attached.after == claimed
    else:
        assert (attached.after, attached.initial_head) == (0, head)
    if cursor is not None:
        assert stored.seq >= cursor.seq
        assert stored.initial_head == cursor.initial_head
    if attached.recovered or figures.floor or position is not None:
        again, _ = rules.attach(figures, stored, position)
        assert again == attached, "an answer that got lost is given again"


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(1, 10), st.integers(0, 100))
def test_pages_join_to_the_whole(sizes: list[int], limit: int, max_bytes: int) -> None:
    left = [Entry(seq=n + 1, event=credit("x", body=b"x" * n)) for n in sizes]
    got: list[Entry] = []
    complete = False
    while not complete:
        page, complete = rules.cut(left[len(got) :], limit=limit, max_bytes=max_bytes)
        assert page or complete
        assert len(page) <= limit
        assert len(page) == 1 or sum(len(one.event.body) for one in page) <= max_bytes
        got += page
    assert got == left


@pytest.mark.parametrize(
    ("event", "expected"),
    [(credit("a"), False), (tick("a"), True), (tick("a", final=True), False)],
)
def test_state_is_what_still_runs(event: Event, expected: bool) -> None:
    assert rules.is_state(event) is expected
