from __future__ import annotations

import pytest

from kull_router.queues.retention import Retention, RoomKind, kind_of, parse_kinds, prefix_of
from kull_router.settings import RouterSettings


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("room:shoot:42", "shoot"),
        ("room:shoot:a:b", "shoot"),
        ("room:shoot", ""),
        ("room:shoot-42", ""),
        ("room::42", ""),
        ("user:shoot:42", ""),
        ("all", ""),
    ],
)
def test_a_rooms_kind_is_its_name_up_to_the_first_colon(address: str, kind: str) -> None:
    assert kind_of(address) == kind
    assert not kind or address.startswith(prefix_of(kind))


def test_kinds_are_read_with_what_differs() -> None:
    text = '{"shoot": {"keep_for": 60, "history": true}, "team": {"keep_every_entries": 5}}'

    assert parse_kinds(text) == {
        "shoot": RoomKind(keep_for=60, history=True),
        "team": RoomKind(keep_every_entries=5),
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"": {}}',
        '{"a:b": {}}',
        '{"shoot": {"keep_for": 0}}',
        '{"shoot": {"keep_every_entries": 0}}',
        '{"shoot": {"kept_for": 60}}',
        '{"shoot": true}',
    ],
)
def test_kinds_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="room_kinds"):
        RouterSettings(room_kinds=text)


def test_what_a_kind_does_not_say_is_as_everywhere() -> None:
    retention = Retention(latest_entries=7, kinds={"shoot": RoomKind(keep_every_entries=5)})

    assert retention.of("room:shoot:1") == Retention(latest_entries=7, every_entries=5)
    assert retention.of("room:shoot") is retention
    assert retention.of("user:shoot:1") is retention


def test_shoots_and_teams_are_kept_longer_and_have_a_history() -> None:
    kinds = RouterSettings().retention.kinds

    assert {name: (kind.keep_for, kind.history) for name, kind in kinds.items()} == {
        "shoot": (30 * 86_400, True),
        "team": (90 * 86_400, True),
    }
