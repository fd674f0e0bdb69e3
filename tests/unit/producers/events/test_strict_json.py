from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kull_producers.errors import InvalidEvent
from kull_producers.events.strict_json import compact, parse_object

TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)


@given(st.dictionaries(TEXT, JSON))
def test_what_is_written_is_read_the_same(value: dict[str, Any]) -> None:
    assert parse_object(compact(value), "body") == value


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "body must be UTF-8 JSON"),
        (b'{"a":NaN}', "NaN is not JSON"),
        (b'{"a":-Infinity}', "-Infinity is not JSON"),
        (b'{"a":1,"a":1}', "a field occurs twice"),
        ('{"a":1}'.encode("utf-16"), "body must be UTF-8 JSON"),
        (b"[" * 100_000, "body must be UTF-8 JSON"),
        (b'"text"', "body must be a JSON object, not str"),
    ],
)
def test_what_is_no_object_in_standard_json_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidEvent, match=why):
        parse_object(raw, "body")


def test_an_object_is_written_without_spaces_in_its_order() -> None:
    assert compact({"b": "ü", "a": [1, None]}) == '{"b":"ü","a":[1,null]}'.encode()


def test_what_is_no_json_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        compact({"a": float("nan")})
