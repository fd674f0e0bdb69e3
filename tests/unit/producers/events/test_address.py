from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kull_producers.contract import addresses
from kull_producers.contract.shard import shard_of
from kull_producers.errors import InvalidAddress, InvalidEvent
from kull_producers.events import address

WORD = re.compile(r"[A-Za-z0-9_%-]+")
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=140)


def accepted(user_id: str) -> str | None:
    try:
        return address.user(user_id)
    except InvalidAddress:
        return None


@given(texts)
def test_an_id_is_never_a_routing_pattern(user_id: str) -> None:
    escaped = addresses.escape(user_id)

    assert WORD.fullmatch(escaped)
    assert unquote(escaped) == user_id


@given(texts, st.integers(1, 100))
def test_a_routing_key_has_four_words_and_fits_into_amqp(user_id: str, shard_count: int) -> None:
    to = accepted(user_id)
    if to is None:
        return

    key = address.routing_key(to, shard_count, "DEVICE_DISCONNECTED")

    assert len(key.encode()) <= 255
    shard, kind, name, event = key.split(".")
    assert int(shard) == shard_of(to, shard_count) < shard_count
    assert (kind, unquote(name), event) == ("user", user_id, "device_disconnected")


@given(texts, texts)
def test_two_ids_never_share_a_routing_key(one: str, other: str) -> None:
    keys = {address.routing_key(f"user:{name}", 16, "x") for name in (one, other)}

    assert len(keys) == len({one, other})


def test_the_shard_of_an_address_never_changes() -> None:
    # Fixed values: with another function, running deployments would lose their queues.
    shards = [shard_of(to, 16) for to in ("user:user_123", "all", "user:zoë")]

    assert shards == [2, 13, 0]


def test_a_routing_key_reads_as_documented() -> None:
    assert address.routing_key("user:a.b#", 16, "CREDIT_UPDATE") == "03.user.a%2Eb%23.credit_update"
    assert address.routing_key("all", 16, "PROMPT_CHANGE") == "13.all.all.prompt_change"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("user:", "cannot be empty"),
        ("room:", "cannot be empty"),
        ("", "is not 'user:<id>'"),
        ("everybody", "is not 'user:<id>'"),
        ("group:x", "is not 'user:<id>'"),
        ("user:" + "x" * 101, "at most 100"),
        ("room:" + "x" * 101, "at most 100"),
        ("user:" + "ü" * 62, "at most 128"),
        ("user:" + "." * 100, "200 escaped"),
        ("user:a\nb", "control characters"),
        ("user:a\x7f", "control characters"),
        ("user:\ud800", "lone surrogate"),
    ],
)
def test_a_wrong_address_is_refused_with_the_reason(wrong: str, why: str) -> None:
    with pytest.raises(InvalidAddress, match=re.escape(why)):
        address.check(wrong)


def test_the_longest_address_is_accepted() -> None:
    assert address.user("x" * 100) == "user:" + "x" * 100
    assert len(addresses.escape("ü" * 20 + "x" * 80)) == 200
    assert address.user("ü" * 20 + "x" * 80)


def test_a_wrong_address_is_a_wrong_event() -> None:
    assert issubclass(InvalidAddress, InvalidEvent)


def test_an_id_that_no_device_may_have_is_refused_here_too() -> None:
    with pytest.raises(InvalidAddress, match="control characters"):
        address.user("a\x85b")
