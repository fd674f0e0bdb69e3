from __future__ import annotations

import pytest

from kull_producers.errors import InvalidEvent
from kull_producers.events.event import shown
from kull_producers.events.models import CreditUpdate


def test_a_constructor_names_a_field_that_there_is_not() -> None:
    fields = {"user_id": "ada", "new_balance": 1, "change": 1, "reason": "", "colour": "red"}

    with pytest.raises(InvalidEvent, match=r"^credit update: 'colour' is not a field of it$"):
        CreditUpdate(**fields)  # type: ignore[arg-type]


def test_at_most_three_problems_are_told_in_one_line() -> None:
    with pytest.raises(InvalidEvent) as caught:
        CreditUpdate.from_data({})

    assert str(caught.value).count("is missing") == 3
    assert "\n" not in str(caught.value)


def test_a_long_value_is_shown_short() -> None:
    assert shown("x" * 1000) == "'" + "x" * 59 + "…"
    assert shown(7) == "7"
