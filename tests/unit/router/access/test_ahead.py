from __future__ import annotations

from kull_router.access.ahead import MEMORY, Ahead


def test_the_most_that_was_seen_counts_and_a_clock_behind_does_not() -> None:
    ahead = Ahead()
    assert ahead.ms(5) == 0
    for issued_ms in (1_030, 1_020, 400):
        ahead.note(issued_ms, 1_000, 5)
    assert ahead.ms(6) == 30


def test_it_is_remembered_for_a_while_and_then_forgotten() -> None:
    for seen in (0.0, 1.0, MEMORY - 1, MEMORY + 7):
        ahead = Ahead()
        ahead.note(1_030, 1_000, seen)
        assert ahead.ms(seen + MEMORY - 0.1) == 30
        assert ahead.ms(seen + 2 * MEMORY) == 0
    ahead.note(1_010, 1_000, 10 * MEMORY)
    assert ahead.ms(12.5 * MEMORY) == 0
