"""What a connection remembers, and when it forgets."""

from __future__ import annotations

import pytest

from kull_router.queues.newest import Newest
from kull_router.queues.rules import Figures
from kull_router.queues.sql import known
from kull_router.queues.sql.known import Known

FIGURES = Figures(head=3)
NEWEST = Newest(seq=3)


def full(*, alone: bool = True) -> Known:
    found = Known(alone=alone)
    found.note_queue("user:maya", 7, FIGURES)
    found.note_newest(7, "shoot", NEWEST)
    found.note_newest(7, "none", None)
    found.note_term(1, 5)
    return found


def told(found: Known) -> list[object]:
    wanted = [(7, "shoot"), (7, "none"), (8, "shoot")]
    return [found.queues(["user:maya", "user:otto"]), found.newest(wanted), found.terms([1, 2])]


def test_it_tells_what_it_was_told() -> None:
    newest = {(7, "shoot"): NEWEST, (7, "none"): None}
    assert told(full()) == [{"user:maya": (7, FIGURES)}, newest, {1: 5}]


def test_who_is_not_alone_remembers_nothing() -> None:
    found = full(alone=False)
    found.note_figures(7, FIGURES)

    assert told(found) == [{}, {}, {}]


def test_what_was_undone_is_forgotten() -> None:
    found = full()
    found.forget()

    assert told(found) == [{}, {}, {}]


def test_counters_of_an_unknown_queue_are_not_noted() -> None:
    found = full()
    found.note_figures(7, Figures(head=4))
    found.note_figures(8, Figures(head=9))

    assert found.queues(["user:maya"]) == {"user:maya": (7, Figures(head=4))}
    found.note_queue("user:otto", 8, FIGURES)
    assert found.queues(["user:otto"]) == {"user:otto": (8, FIGURES)}


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST", 2)
    found = full()
    found.bound()
    assert told(found) != [{}, {}, {}]
    found.note_newest(7, "third", None)
    found.bound()
    assert told(found) == [{}, {}, {}]
