"""The in-memory RabbitMQ: topic patterns, bounds, and the twin's own switches."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from kull_router.broker.memory_server import matches

WORDS = st.lists(st.sampled_from(["a", "b", "07"]), max_size=5)
PARTS = st.lists(st.sampled_from(["a", "b", "07", "*", "#"]), min_size=1, max_size=5)


def _as_regex(parts: list[str]) -> re.Pattern[str]:
    # Over words that each end with a dot: `#` is any number of them.
    words = {"*": r"[^.]+\.", "#": r"([^.]+\.)*"}
    return re.compile("".join(words.get(part, re.escape(part) + r"\.") for part in parts))


@given(PARTS, WORDS)
def test_patterns_match_as_topic_exchanges_define_it(parts: list[str], words: list[str]) -> None:
    expected = _as_regex(parts).fullmatch("".join(f"{word}." for word in words))
    assert matches(".".join(parts), ".".join(words)) == bool(expected)


def test_a_pattern_of_many_hashes_is_no_trap() -> None:
    assert not matches(".".join(["#", "a"] * 60), ".".join(["a"] * 59))
