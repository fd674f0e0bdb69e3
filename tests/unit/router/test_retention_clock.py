"""Ages follow the time that passes; a wall clock draws them by a tenth of it, whatever it shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kull_router.retention_clock import PULL, RetentionClock

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000


class Clocks:
    """Both clocks, moved by the tests."""

    def __init__(self, wall_ms: int = START_MS, since_ms: int = 0) -> None:
        self.wall_ms, self.seconds = wall_ms, 50.0
        self.retention = RetentionClock(
            wall_ms=lambda: self.wall_ms, monotonic=lambda: self.seconds, since_ms=since_ms
        )
        self.began_ms = self.retention.ms()

    def passes(self, seconds: float) -> int:
        """Let time pass and return what ages have grown by since the beginning."""
        self.seconds += seconds
        self.wall_ms += round(seconds * 1000)
        return self.retention.ms() - self.began_ms


def test_with_a_right_clock_it_is_the_wall_clock() -> None:
    clocks = Clocks()
    for _ in range(10):
        clocks.passes(77.5)
        assert clocks.retention.ms() == clocks.wall_ms


def test_four_seconds_of_a_clock_eight_days_ahead_age_nothing_by_eight_days() -> None:
    clocks = Clocks()
    clocks.passes(10)
    clocks.wall_ms += 8 * DAY_MS
    assert clocks.passes(4) <= 14_400
    clocks.wall_ms -= 8 * DAY_MS
    assert clocks.passes(0.5) <= 14_900
    clocks.passes(60)
    assert clocks.retention.ms() == clocks.wall_ms


def test_a_start_with_a_clock_far_ahead_goes_on_where_it_stood() -> None:
    clocks = Clocks(wall_ms=START_MS + 8 * DAY_MS, since_ms=START_MS)
    assert clocks.began_ms == START_MS
    assert clocks.passes(3600) <= 3600_000 * (1 + PULL) + 1


def test_a_start_with_a_clock_far_behind_never_goes_back() -> None:
    clocks = Clocks(wall_ms=0, since_ms=START_MS)
    assert clocks.began_ms == START_MS
    assert clocks.passes(3600) >= 3600_000 * (1 - PULL) - 1


def test_a_clock_that_was_mended_for_good_is_reached() -> None:
    clocks = Clocks()
    clocks.wall_ms += 3_600_000
    for _ in range(11):
        clocks.passes(3600)
    assert clocks.retention.ms() == clocks.wall_ms


STEPS = st.lists(
    st.tuples(st.floats(0, 1e5), st.integers(-(10**12), 10**12)), min_size=1, max_size=30
)


@given(STEPS)
def test_whatever_the_clock_does_an_age_is_right_to_a_tenth(
    steps: list[tuple[float, int]],
) -> None:
    clocks, passed, before = Clocks(), 0.0, 0
    for seconds, jump_ms in steps:
        clocks.wall_ms += jump_ms
        grown = clocks.passes(seconds)
        passed += seconds * 1000
        assert passed * (1 - PULL) - 2 <= grown <= passed * (1 + PULL) + 2
        assert grown >= before
        before = grown
