"""Texts of a device are fit to show to others, and to store."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kull_protos.contract.texts import UNFIT, plain_text


@given(st.text(st.characters()), st.integers(0, 64))
def test_a_plain_text_is_short_can_be_encoded_and_has_nothing_unfit(text: str, limit: int) -> None:
    plain = plain_text(text, limit)

    assert len(plain) <= limit
    assert not UNFIT.search(plain)
    plain.encode()


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"])))
def test_a_text_that_is_plain_already_stays_as_it_is(text: str) -> None:
    assert plain_text(text, len(text)) == text
