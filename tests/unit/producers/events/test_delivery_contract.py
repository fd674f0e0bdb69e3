from __future__ import annotations

import pytest

from kull_producers.events.delivery_contract import Every, Latest


def test_the_contracts_have_the_names_of_the_header() -> None:
    assert (Every.name, Latest.name) == ("every", "latest")


def test_a_key_is_made_of_fields() -> None:
    kept = Latest(key="shelf:{shop_id}/{shelf}")

    assert kept.key_of({"shop_id": "s", "shelf": 7, "colour": "{red}"}) == "shelf:s/7"


def test_braces_in_a_field_stay_braces() -> None:
    assert Latest(key="shoot:{shoot_id}").key_of({"shoot_id": "{provider}"}) == "shoot:{provider}"


@pytest.mark.parametrize("always", [True, False])
def test_it_may_be_final_always_or_never(always: bool) -> None:
    assert Latest(key="k", final=always).is_final({"status": "completed"}) is always


def test_it_is_final_when_each_named_field_says_so() -> None:
    kept = Latest(key="k", final={"status": ("completed", "failed"), "left": (0,)})

    assert kept.is_final({"status": "failed", "left": 0})
    assert not kept.is_final({"status": "failed", "left": 1})
    assert not kept.is_final({"status": "queued", "left": 0})


def test_progress_is_a_field_and_0_where_the_counting_begins() -> None:
    kept = Latest(key="k", progress="done", anew={"status": ("queued",)})

    assert kept.progress_of({"done": 4, "status": "processing"}) == 4
    assert kept.progress_of({"done": 4, "status": "queued"}) == 0
    assert Latest(key="k", progress="done").progress_of({"done": 4}) == 4
    assert Latest(key="k").progress_of({"done": 4}) is None
