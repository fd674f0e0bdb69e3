"""The in-memory RabbitMQ: topic patterns, bounds, and the twin's own switches."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kull_producers.events.message import Message
from kull_router.broker.layout import BindingSpec, ExchangeSpec, Layout, QueueSpec
from kull_router.broker.memory_server import MemoryServer, Unroutable, matches
from tests.support.brokers import event

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


def server() -> MemoryServer:
    made = MemoryServer()
    made.create(
        Layout(
            exchanges=[
                ExchangeSpec(name="public", kind="topic"),
                ExchangeSpec(name="inside", kind="topic", internal=True),
            ],
            queues=[QueueSpec(name="short", max_length=2)],
            bindings=[
                # In a circle, as two exchanges may be bound to each other.
                BindingSpec(source="public", destination="inside", pattern="#", to_exchange=True),
                BindingSpec(source="inside", destination="public", pattern="#", to_exchange=True),
                BindingSpec(source="inside", destination="short", pattern="kept"),
            ],
        )
    )
    return made


def message(number: int, exchange: str = "public", key: str = "kept") -> Message:
    return replace(event(number), exchange=exchange, routing_key=key)


def test_a_circle_of_exchanges_delivers_once() -> None:
    made = server()
    made.publish(message(1))

    assert len(made.queues["short"].ready) == 1


def test_of_a_queue_that_is_full_the_oldest_is_dropped() -> None:
    made = server()
    for number in (1, 2, 3):
        made.publish(message(number))

    assert [queued.message.message_id for queued in made.queues["short"].ready] == ["2", "3"]


@pytest.mark.parametrize(
    ("exchange", "key", "why"),
    [
        ("inside", "kept", "internal"),
        ("nowhere", "kept", "does not exist"),
        ("public", "other", "no queue takes"),
        ("", "other", "no queue takes"),
    ],
)
def test_what_reaches_no_queue_is_refused_with_the_reason(
    exchange: str, key: str, why: str
) -> None:
    with pytest.raises(Unroutable, match=why):
        server().publish(message(1, exchange, key))
