from __future__ import annotations

from kull_router.status.changes import MANY, Changes, Key


def test_each_waits_once_with_its_last_time_and_first_come_first_served() -> None:
    changes = Changes(lambda shard, key: True)
    changes.add(1, Key("a"), 1)
    changes.add(1, Key("b"), 2)
    changes.add(1, Key("a"), 3)
    changes.add(2, Key("c"), 4)
    assert len(changes) == 3
    assert changes.take(1, 1) == [(Key("a"), 3)]
    assert changes.take(1, 9) == [(Key("b"), 2)]
    changes.drop(2)
    assert len(changes) == 0


def test_what_is_put_back_does_not_replace_what_came_meanwhile() -> None:
    changes = Changes(lambda shard, key: True)
    changes.add(1, Key("a"), 5)
    changes.put_back(1, Key("a"), 4)
    changes.put_back(1, Key("b"), 4)
    assert changes.take(1, 9) == [(Key("a"), 5), (Key("b"), 4)]


def test_devices_that_came_and_went_in_an_outage_leave_nothing_behind() -> None:
    changes = Changes(lambda shard, key: key.device == "stays")
    changes.add(1, Key("u", "stays"), 1)
    for number in range(5 * MANY):
        changes.add(1, Key("u", f"web-{number}"), 1)
        assert len(changes) <= MANY + 1
    assert changes.take(1, 1) == [(Key("u", "stays"), 1)]
