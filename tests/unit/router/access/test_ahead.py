from __future__ import annotations

from kull_router.access.ahead import MEMORY, Ahead

LIMIT = 60_000


def wall_ms(now: float) -> int:
    return 1_000_000 + int(now * 1000)


def test_the_most_that_was_seen_counts_and_a_clock_behind_does_not() -> None:
    ahead = Ahead(LIMIT)
    assert ahead.ms(wall_ms(5), 5) == 0
    for difference in (30, 20, -600):
        ahead.note(wall_ms(5) + difference, wall_ms(5), 5)
    assert ahead.ms(wall_ms(6), 6) == 30


def test_it_is_remembered_for_a_while_and_then_forgotten() -> None:
    for seen in (0.0, 1.0, MEMORY - 1, MEMORY + 7):
        ahead = Ahead(LIMIT)
        ahead.note(wall_ms(seen) + 30, wall_ms(seen), seen)
        later = seen + MEMORY - 0.1
        assert ahead.ms(wall_ms(later), later) == 30
        later = seen + 2 * MEMORY
        assert ahead.ms(wall_ms(later), later) == 0
    ahead.note(wall_ms(10 * MEMORY) + 10, wall_ms(10 * MEMORY), 10 * MEMORY)
    assert ahead.ms(wall_ms(12.5 * MEMORY), 12.5 * MEMORY) == 0


def test_nobody_is_believed_to_be_further_ahead_than_the_limit() -> None:
    ahead = Ahead(LIMIT)
    ahead.note(wall_ms(5) + 3_000_000, wall_ms(5), 5)
    assert ahead.ms(wall_ms(5), 5) == LIMIT


def test_what_was_seen_by_a_clock_that_was_set_back_for_a_moment_is_forgotten() -> None:
    ahead = Ahead(LIMIT)
    ahead.note(wall_ms(5) - 600_000, wall_ms(5) - 3_000_000, 5)  # a known token, fifty minutes back
    assert ahead.ms(wall_ms(6), 6) == 0, "the clock is right again"
    ahead.note(wall_ms(7) + 30, wall_ms(7), 7)
    assert ahead.ms(wall_ms(7), 7) == 30
