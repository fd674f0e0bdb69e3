"""Who is in a room, by PRESENCE: see also conformance/presence.jsonl."""

from __future__ import annotations

from typing import Any

import pytest

from kull_client.errors import BadMessage
from kull_client.event import Device
from kull_client.roster import Member, Roster


def member(user: str, since: int = 1, **fields: Any) -> dict[str, Any]:
    return {"userId": user, "since": since, "devices": []} | fields


def told(number: int, **fields: Any) -> dict[str, Any]:
    return {"generation": [1, number]} | fields


TWO = told(5, count=2, members=[member("maya", 2), member("otto", 1)])


def roster(*messages: dict[str, Any]) -> Roster:
    made = Roster()
    for each in messages:
        made.take(each)
    return made


def users(made: Roster) -> list[str]:
    return [each.user_id for each in made.members]


def test_who_came_first_is_first() -> None:
    assert users(roster(TWO)) == ["otto", "maya"]


def test_a_member_has_its_devices_and_its_state() -> None:
    mac = {"deviceId": "mac", "platform": "macos", "deviceName": "Mac"}
    state = {"viewing": "IMG_1"}

    made = roster(told(1, count=1, members=[member("maya", 7, devices=[mac], state=state)]))

    device = Device(device_id="mac", platform="macos", device_name="Mac")
    assert made.members == [Member(user_id="maya", since=7, devices=(device,), state=state)]


@pytest.mark.parametrize(
    "old",
    [
        told(5, count=1, left=["otto"]),
        told(4, count=1, members=[member("maya")]),
        {"generation": [0, 9], "count": 0, "members": []},
    ],
)
def test_what_is_not_newer_is_ignored(old: dict[str, Any]) -> None:
    made = roster(TWO)

    assert not made.take(old)
    assert users(made) == ["otto", "maya"]


def test_changes_mean_nothing_without_what_they_change() -> None:
    made = Roster()

    assert not made.take(told(6, count=1, left=["otto"]))
    assert made.take(TWO)
    made.lost()
    assert not made.take(told(9, count=1, left=["otto"]))
    assert users(made) == ["otto", "maya"]


def test_the_first_snapshot_of_a_connection_counts_whatever_it_is() -> None:
    made = roster(TWO)
    made.lost()

    assert made.take(told(1, count=1, members=[member("maya")]))
    assert users(made) == ["maya"]


@pytest.mark.parametrize(
    "bad",
    [
        told(1, members=[]),
        told(1, count=1, members=["maya"]),
        told(1, count=1, members=[{"since": 1}]),
        told(1, count=1, members=[member("maya", state=[])]),
        {"generation": "1", "count": 0, "members": []},
    ],
)
def test_what_cannot_be_read_says_so_and_changes_nothing(bad: dict[str, Any]) -> None:
    made = roster(TWO)

    with pytest.raises(BadMessage):
        made.take(bad | ({"generation": [1, 9]} if isinstance(bad["generation"], list) else {}))
    assert (users(made), made.count) == (["otto", "maya"], 2)


def test_a_change_that_cannot_be_read_changes_nothing() -> None:
    made = roster(TWO)

    with pytest.raises(BadMessage):
        made.take(told(6, count=2, joined=[member("zoe")], left=[7]))
    assert users(made) == ["otto", "maya"]
