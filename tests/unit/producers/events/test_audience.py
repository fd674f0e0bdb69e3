from __future__ import annotations

from typing import Any

import pytest

from kull_producers.errors import InvalidAddress, InvalidEvent
from kull_producers.events.audience import Audience, ChosenUsers, NamedUser, OwnUser

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
