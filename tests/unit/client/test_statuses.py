"""Whether others are online, by STATUS: see also conformance/presence.jsonl."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kull_client.errors import BadMessage
from kull_client.statuses import Statuses, UserStatus


def user(name: str, *, online: bool, number: int = 1, seen: int = 0) -> dict[str, Any]:
    return {"userId": name, "online": online, "lastSeen": seen, "generation": [1, number]}


def watching(*names: str) -> Statuses:
    made = Statuses()
    made.watch(names)
    return made


def test_news_are_what_is_newer() -> None:
    made = watching("otto", "zoe")
    made.take({"users": [user("otto", online=True, number=4), user("zoe", online=True)]})

    news = made.take(
        {"users": [user("otto", online=False, number=4), user("zoe", online=False, number=2)]}
    )

    assert news == [UserStatus(user_id="zoe", online=False)]
    assert made["otto"] == UserStatus(user_id="otto", online=True)


def test_a_new_connection_watches_the_same_and_its_answer_counts() -> None:
    made = watching("otto")
    made.take({"users": [user("otto", online=True, number=4)]})

    [again] = made.again()

    assert json.loads(again)["userIds"] == ["otto"]
    assert made.take({"users": [user("otto", online=False, number=1, seen=7)]})
    assert made["otto"] == UserStatus(user_id="otto", online=False, last_seen=7)
    assert watching().again() == []


def test_who_is_not_watched_any_more_is_not_known() -> None:
    made = watching("otto", "zoe", "otto")
    made.take({"users": [user("otto", online=True), user("zoe", online=True)]})
    made.watch(["zoe"])

    assert made["otto"] is None
    assert made["zoe"] is not None
    assert made.watched == ("zoe",)


def test_what_cannot_be_read_changes_nothing() -> None:
    made = watching("otto")

    with pytest.raises(BadMessage):
        made.take({"users": [user("otto", online=True), {"online": True}]})
    assert made["otto"] is None
