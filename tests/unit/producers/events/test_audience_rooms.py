"""Rooms that are told beside who is named."""

from __future__ import annotations

from typing import Any

import pytest

from kull_producers.errors import InvalidEvent
from kull_producers.events.audience import (
    MAX_NAMED,
    Audience,
    ChosenUsers,
    NamedUser,
    OwnUser,
    UserOrEverybody,
    Whom,
    addressed,
    whom_in,
)

TITLE = "some event"


@pytest.mark.parametrize(
    ("audience", "fields", "whom", "told"),
    [
        (NamedUser(), {}, Whom(rooms=["b", "a", "b"]), ["room:b", "room:a"]),
        (NamedUser(), {}, Whom("ada", rooms=["a"]), ["user:ada", "room:a"]),
        (UserOrEverybody(), {}, Whom("ada", rooms=["a"]), ["user:ada", "room:a"]),
        (ChosenUsers(), {"user_ids": None}, Whom(rooms=["a"]), ["room:a"]),
        (ChosenUsers(), {"user_ids": ("ada",)}, Whom(rooms=["a"]), ["user:ada", "room:a"]),
    ],
)
def test_rooms_are_told_beside_who_is_named_and_not_everybody(
    audience: Audience, fields: dict[str, Any], whom: Whom, told: list[str]
) -> None:
    assert list(addressed(audience, TITLE, fields, whom)) == told


@pytest.mark.parametrize(
    ("audience", "fields", "whom", "room"),
    [
        (OwnUser(), {"user_id": "ada"}, Whom(rooms=["a"]), None),
        (NamedUser(), {}, Whom(rooms=["a"]), "b"),
        (UserOrEverybody(), {}, Whom(everybody=True, rooms=["a"]), None),
        (NamedUser(), {}, Whom(rooms=["a"] * (MAX_NAMED + 1)), None),
        (NamedUser(), {}, Whom(rooms=[""]), None),
        (NamedUser(), {}, Whom(rooms="ab"), None),
        (ChosenUsers(), {"user_ids": None}, Whom("ada", rooms=["a"]), None),
    ],
)
def test_rooms_that_cannot_be_told_are_refused(
    audience: Audience, fields: dict[str, Any], whom: Whom, room: str | None
) -> None:
    with pytest.raises(InvalidEvent):
        addressed(audience, TITLE, fields, whom, room=room)


def test_a_request_names_rooms_where_they_may_be_told() -> None:
    fields: dict[str, Any] = {"rooms": ["a"], "userId": "ada", "kept": 1}

    assert whom_in(NamedUser(), TITLE, fields) == Whom("ada", rooms=["a"])
    assert fields == {"kept": 1}
    own: dict[str, Any] = {"rooms": ["a"], "userId": "ada"}
    assert whom_in(OwnUser(), TITLE, own) == Whom()
    assert own == {"rooms": ["a"], "userId": "ada"}, "it is a field that the type does not have"


@pytest.mark.parametrize("rooms", [[], "ab", {"a": 1}, [1], [None], True])
def test_rooms_that_are_no_list_of_names_are_refused(rooms: object) -> None:
    with pytest.raises(InvalidEvent, match="rooms"):
        whom_in(NamedUser(), TITLE, {"rooms": rooms})
