from __future__ import annotations

from typing import Any

import jwt
import pytest

from kull_protos.contract.limits import MAX_ROOMS_GRANTED
from kull_router.access.tokens import Claims, TokenVerifier
from kull_router.errors import TokenRefused

SECRET = "a-secret-of-at-least-32-bytes-for-the-tests"
NOW_MS = 1_800_000_000_000


def claims(rooms: Any) -> Claims:
    token = jwt.encode({"sub": "maya", "exp": NOW_MS // 1000 + 60, "rooms": rooms}, SECRET)
    return TokenVerifier(SECRET, allow_plain=False).verify(token, NOW_MS)


def rights(said: Claims, room: str) -> list[str]:
    return [each for each in ("read", "write", "presence") if said.may(room, each)]


def test_a_list_of_rooms_grants_to_read_and_to_see_who_is_there() -> None:
    said = claims(["wedding", 7])

    assert rights(said, "room:wedding") == ["read", "presence"]
    assert said.grants("room:wedding")


def test_an_object_of_rooms_grants_in_each_what_it_names() -> None:
    said = claims({"a": ["read", "write", "presence"], "b": ["read"], "c": ["read", "fly", 7]})

    assert rights(said, "room:a") == ["read", "write", "presence"]
    assert rights(said, "room:b") == ["read"]
    assert rights(said, "room:c") == ["read"]


def test_a_room_that_is_not_named_grants_nothing() -> None:
    said = claims({"a": ["read"]})

    assert rights(said, "room:b") == []
    assert not said.grants("room:b")


@pytest.mark.parametrize(
    "rooms",
    [
        {"a": ["write"]},
        {"a": []},
        {"a": "read"},
        {"": ["read"]},
        "a",
        7,
        [str(number) for number in range(MAX_ROOMS_GRANTED + 1)],
        {str(number): ["read"] for number in range(MAX_ROOMS_GRANTED + 1)},
    ],
)
def test_rooms_that_cannot_be_meant_make_a_bad_token(rooms: Any) -> None:
    with pytest.raises(TokenRefused, match="rooms are not usable"):
        claims(rooms)
