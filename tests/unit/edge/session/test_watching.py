from __future__ import annotations

import json
from typing import Any

from kull_edge.protocol.messages import Watch
from kull_edge.session.effects import Effect, WatchWish, Write
from kull_edge.session.replies import Replies
from kull_edge.session.watching import Watching
from kull_protos.mesh.v1 import attach_pb2 as pb


def watching() -> Watching:
    replies = Replies(1, v2=True, wall_ms=lambda: 5)
    replies.user_id = "maya"
    return Watching(replies)


def told(effects: list[Effect]) -> list[tuple[str, dict[str, Any]]]:
    texts = [
        json.loads(m.text) for each in effects if isinstance(each, Write) for m in each.messages
    ]
    return [(each["type"], each["data"]) for each in texts]


def status(user: str, online: bool, counter: int, term: int = 1, seen: int = 0) -> pb.UserStatus:
    generation = pb.Generation(term=term, counter=counter)
    return pb.UserStatus(user_id=user, online=online, last_seen=seen, generation=generation)


def test_a_watch_is_answered_once_when_all_is_known() -> None:
    watch = watching()
    assert watch.take(Watch(user_ids=["otto", "anna"], ref=7)) == [WatchWish()]
    assert watch.heard([status("anna", False, 3, seen=99)]) == []
    [(kind, data)] = told(watch.heard([status("otto", True, 4, seen=100)]))
    assert kind == "STATUS"
    assert data == {
        "users": [
            {"userId": "otto", "online": True, "lastSeen": 100, "generation": [1, 4]},
            {"userId": "anna", "online": False, "lastSeen": 99, "generation": [1, 3]},
        ],
        "ref": 7,
    }


def test_then_only_who_comes_or_goes_is_told_of() -> None:
    watch = watching()
    watch.take(Watch(user_ids=["otto"]))
    watch.heard([status("otto", True, 4)])
    assert watch.heard([status("otto", True, 5)]) == []
    assert watch.heard([status("otto", False, 5)]) == [], "old news"
    assert watch.heard([status("anna", False, 9)]) == [], "not watched"
    [(_, data)] = told(watch.heard([status("otto", False, 6)]))
    assert [each["online"] for each in data["users"]] == [False]


def test_a_failover_that_changes_nothing_is_not_told_of() -> None:
    watch = watching()
    watch.take(Watch(user_ids=["otto"]))
    watch.heard([status("otto", True, 900)])
    assert watch.heard([status("otto", True, 1, term=2)]) == []
    assert told(watch.heard([status("otto", False, 2, term=2)]))


def test_who_may_not_be_watched_is_named_and_the_others_are_watched() -> None:
    watch = watching()
    watch.take(Watch(user_ids=["otto", "anna"], ref="r"))
    [(first, error), (second, data)] = told(watch.heard([status("otto", True, 1)], ["anna"]))
    assert (first, error["code"], error["ref"]) == ("ERROR", "forbidden", "r")
    assert "anna" in error["message"]
    assert second == "STATUS" and [each["userId"] for each in data["users"]] == ["otto"]
    assert watch.users == ["otto"]
    [(kind, error)] = told(watch.heard([], ["otto"]))
    assert (kind, error["code"]) == ("ERROR", "forbidden")
    assert watch.users == []


def test_an_empty_list_ends_it_and_a_later_watch_replaces_an_open_one() -> None:
    watch = watching()
    watch.take(Watch(user_ids=["otto"], ref=1))
    [(busy, error), (kind, data)] = told(watch.take(Watch(user_ids=[], ref=2)))
    assert (busy, error["code"], error["ref"]) == ("ERROR", "busy", 1)
    assert (kind, data) == ("STATUS", {"users": [], "ref": 2})
    assert watch.heard([status("otto", True, 1)]) == []
