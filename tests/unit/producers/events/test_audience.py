from __future__ import annotations

from typing import Any

import pytest

from kull_producers.errors import InvalidAddress, InvalidEvent
from kull_producers.events.audience import (
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


def addresses(audience: Audience, fields: dict[str, Any], user_id: str | None = None) -> list[str]:
    return list(audience.addresses(TITLE, fields, user_id))


def test_a_named_user_comes_beside_the_fields() -> None:
    assert addresses(NamedUser(), {}, "ada") == ["user:ada"]
    with pytest.raises(InvalidEvent, match="some event: userId is missing"):
        addresses(NamedUser(), {})
    with pytest.raises(InvalidAddress):
        addresses(NamedUser(), {}, "")


def test_an_own_user_is_a_field_that_nothing_overrides() -> None:
    assert addresses(OwnUser(), {"user_id": "ada"}) == ["user:ada"]
    assert addresses(OwnUser(), {"user_id": "ada"}, "ada") == ["user:ada"]
    with pytest.raises(InvalidEvent, match="differs"):
        addresses(OwnUser(), {"user_id": "ada"}, "bob")


def test_chosen_users_are_told_once_each_and_everybody_if_none_is_named() -> None:
    assert addresses(ChosenUsers(), {"user_ids": ("a", "b", "a")}) == ["user:a", "user:b"]
    assert addresses(ChosenUsers(), {"user_ids": None}) == ["all"]
    with pytest.raises(InvalidEvent, match="name the users in userIds"):
        addresses(ChosenUsers(), {"user_ids": None}, "ada")


@pytest.mark.parametrize(
    ("audience", "fields", "user_id"),
    [
        (NamedUser(), {}, "ada"),
        (OwnUser(), {"user_id": "ada"}, None),
        (ChosenUsers(), {"user_ids": ("ada",)}, None),
        (ChosenUsers(), {"user_ids": None}, "ada"),
    ],
)
def test_who_is_named_is_not_told_in_a_room(
    audience: Audience, fields: dict[str, Any], user_id: str | None
) -> None:
    with pytest.raises(InvalidEvent, match="room"):
        audience.check_room(TITLE, fields, user_id)


def test_a_room_may_be_told_instead_of_nobody_named() -> None:
    NamedUser().check_room(TITLE, {}, None)
    ChosenUsers().check_room(TITLE, {"user_ids": None}, None)


def test_only_who_else_was_told_is_hidden() -> None:
    hidden = {type(each): list(each.hidden) for each in (NamedUser(), OwnUser(), ChosenUsers())}

    assert hidden == {NamedUser: [], OwnUser: [], ChosenUsers: ["user_ids"]}


def test_a_user_or_everybody_is_named_and_nobody_is_everybody_by_omission() -> None:
    audience = UserOrEverybody()

    assert addressed(audience, TITLE, {}, Whom(user_id="ada")) == ["user:ada"]
    assert addressed(audience, TITLE, {}, Whom(everybody=True)) == ["all"]
    assert addressed(audience, TITLE, {}, Whom(), room="wedding") == ["room:wedding"]
    with pytest.raises(InvalidEvent, match="some event: whom is it for"):
        addressed(audience, TITLE, {}, Whom())


@pytest.mark.parametrize("audience", [NamedUser(), OwnUser(), ChosenUsers()])
def test_everybody_is_told_only_what_may_be_for_everybody(audience: Audience) -> None:
    with pytest.raises(InvalidEvent, match="it is not for everybody"):
        addressed(audience, TITLE, {"user_id": "ada", "user_ids": None}, Whom(everybody=True))


@pytest.mark.parametrize(("user_id", "room"), [("ada", None), (None, "wedding")])
def test_who_says_everybody_says_nobody_else(user_id: str | None, room: str | None) -> None:
    whom = Whom(user_id=user_id, everybody=True)

    with pytest.raises(InvalidEvent, match="everybody is told already"):
        addressed(UserOrEverybody(), TITLE, {}, whom, room=room)


@pytest.mark.parametrize(
    ("audience", "fields", "whom", "left"),
    [
        (NamedUser(), {"userId": "ada", "x": 1}, Whom(user_id="ada"), {"x": 1}),
        (NamedUser(), {"everybody": True}, Whom(), {"everybody": True}),
        (OwnUser(), {"userId": "ada"}, Whom(), {"userId": "ada"}),
        (UserOrEverybody(), {"everybody": True, "x": 1}, Whom(everybody=True), {"x": 1}),
        (UserOrEverybody(), {"everybody": 1}, Whom(), {"everybody": 1}),
    ],
)
def test_whom_a_request_names_is_taken_out_of_its_fields(
    audience: Audience, fields: dict[str, Any], whom: Whom, left: dict[str, Any]
) -> None:
    assert whom_in(audience, TITLE, fields) == whom
    assert fields == left


def test_a_request_names_a_user_by_a_text_and_not_beside_everybody() -> None:
    with pytest.raises(InvalidEvent, match="userId must be a text"):
        whom_in(NamedUser(), TITLE, {"userId": 7})
    with pytest.raises(InvalidEvent, match="either userId or everybody"):
        whom_in(UserOrEverybody(), TITLE, {"userId": "ada", "everybody": True})
