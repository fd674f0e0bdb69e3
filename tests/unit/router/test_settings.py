from __future__ import annotations

import pytest

from kull_router.settings import RouterSettings


@pytest.mark.parametrize("text", ["x", "3-1", "1-", "-2", "1..2"])
def test_a_list_of_shards_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="0-7,12"):
        RouterSettings(preferred_shards=text)


@pytest.mark.parametrize("text", ["collection_shared", "COLLECTION SHARED", "A,TYPING"])
def test_a_list_of_event_types_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no event type"):
        RouterSettings(event_types=text)


def test_own_event_types_are_names_separated_by_commas() -> None:
    types = RouterSettings(event_types=" COLLECTION_SHARED, PHOTO_VIEWED,").types

    assert types == {"COLLECTION_SHARED", "PHOTO_VIEWED"}
