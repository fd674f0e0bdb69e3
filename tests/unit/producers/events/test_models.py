from __future__ import annotations

from typing import Any

import pytest

from kull_producers.contract.limits import MAX_NUMBER
from kull_producers.errors import InvalidEvent
from kull_producers.events.delivery_contract import Latest
from kull_producers.events.event import Event
from kull_producers.events.models import EVENTS, CreditUpdate, PromptChange, ShootProgress

SHOOT: dict[str, Any] = {
    "shootId": "shoot_456",
    "status": "processing",
    "processedCount": 15,
    "totalCount": 100,
    "currentImage": "IMG_0015.jpg",
    "eta": 120,
    "provider": "Replicate",
}
CREDIT: dict[str, Any] = {
    "userId": "user_123",
    "newBalance": 500,
    "change": -10,
    "reason": "Credit purchase",
}
PROMPT: dict[str, Any] = {"promptId": "prompt_789", "action": "voted"}


@pytest.mark.parametrize(
    ("type_", "data"),
    [("SHOOT_PROGRESS", SHOOT), ("CREDIT_UPDATE", CREDIT), ("PROMPT_CHANGE", PROMPT)],
)
def test_wire_data_survives_the_round_trip_unchanged(type_: str, data: dict[str, Any]) -> None:
    got = EVENTS.event(type_, data).data()

    assert got == data
    assert [type(value) for value in got.values()] == [type(value) for value in data.values()]


def test_python_attributes_become_the_wire_names() -> None:
    event = ShootProgress(
        shoot_id="s",
        status="failed",
        processed_count=0,
        total_count=0,
        provider="Local",
        error_message="disk full",
    )

    assert event.data() == {
        "shootId": "s",
        "status": "failed",
        "processedCount": 0,
        "totalCount": 0,
        "provider": "Local",
        "errorMessage": "disk full",
    }


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("shootId", "", "1 to 128 characters"),
        ("shootId", "x" * 129, "1 to 128 characters"),
        ("shootId", "a\nb", "without control characters"),
        ("shootId", 7, "1 to 128 characters"),
        ("status", "done", "queued, processing, completed or failed"),
        ("processedCount", "15", "a whole number"),
        ("processedCount", True, "a whole number"),
        ("processedCount", 15.0, "a whole number"),
        ("processedCount", -1, "a whole number"),
        ("processedCount", 101, "at most totalCount (100), not 101"),
        ("totalCount", MAX_NUMBER + 1, "a whole number"),
        ("eta", -0.1, "the seconds that are left"),
        ("eta", float("nan"), "the seconds that are left"),
        ("eta", float("inf"), "the seconds that are left"),
        ("eta", True, "the seconds that are left"),
        ("eta", "1", "the seconds that are left"),
        ("currentImage", "x" * 1025, "at most 1024 characters"),
        ("provider", "", "1 to 128 characters"),
        ("provider", "\ud800", "1 to 128 characters"),
        ("errorMessage", ["x"], "at most 2000 characters"),
        ("errorMessage", "\x1b[2J", "without control characters"),
        ("currentImage", "\x9b2J", "without control characters"),
        ("provider", "a\x07", "without control characters"),
        ("shootId", "\x9b", "without control characters"),
    ],
)
def test_a_wrong_shoot_field_is_named_with_what_it_must_be(
    field: str, value: object, why: str
) -> None:
    with pytest.raises(InvalidEvent) as caught:
        ShootProgress.from_data(SHOOT | {field: value})

    message = str(caught.value)
    assert message.startswith(f"shoot progress: {field} must be ")
    assert why in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("userId", ""),
        ("userId", "x" * 200),
        ("userId", "a\x00b"),
        ("userId", 1),
        ("newBalance", "500"),
        ("newBalance", None),
        ("newBalance", True),
        ("change", float("nan")),
        ("change", 1e300),
        ("change", 2**53),
        ("reason", None),
        ("reason", "x" * 1001),
        ("reason", "\x1b]0;title\x07"),
        ("reason", "a\x7f"),
    ],
)
def test_a_wrong_credit_field_is_named_once(field: str, value: object) -> None:
    with pytest.raises(InvalidEvent) as caught:
        CreditUpdate.from_data(CREDIT | {field: value})

    assert str(caught.value).count(field) == 1


@pytest.mark.parametrize("value", [[], ["a", ""], ["a", 1], "ab", ["x"] * 1001, {"a": 1}])
def test_wrong_user_ids_never_become_a_broadcast(value: object) -> None:
    with pytest.raises(InvalidEvent, match="userIds must be 1 to 1000 user ids"):
        PromptChange.from_data(PROMPT | {"userIds": value})


@pytest.mark.parametrize("event", EVENTS.values())
def test_missing_and_unknown_fields_are_named(event: type[Event]) -> None:
    with pytest.raises(InvalidEvent, match="is missing, it must be"):
        event.from_data({})
    with pytest.raises(InvalidEvent, match="'colour' is not a field of it"):
        event.from_data({"colour": "red"})


def test_the_wire_knows_only_the_wire_names() -> None:
    with pytest.raises(InvalidEvent, match="'shoot_id' is not a field"):
        ShootProgress.from_data({"shoot_id": "s"})


def test_a_constructor_raises_the_packages_own_error() -> None:
    with pytest.raises(InvalidEvent, match="promptId must be 1 to 128"):
        PromptChange(prompt_id="", action="voted")


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidEvent, match="SHOOT_PROGRESS, CREDIT_UPDATE, PROMPT_CHANGE"):
        EVENTS.event("TYPING", {})


def test_a_user_never_learns_who_else_was_told() -> None:
    event = PromptChange(prompt_id="p", action="created", user_ids=("ada", "bob"))

    assert event.data() == {"promptId": "p", "action": "created"}


def test_a_balance_may_be_negative_and_fractional() -> None:
    event = CreditUpdate(user_id="u", new_balance=-1.5, change=-0.25, reason="")

    assert event.data()["newBalance"] == -1.5


@pytest.mark.parametrize(
    ("event", "contract", "key", "final"),
    [
        (ShootProgress.from_data(SHOOT), "latest", "shoot:shoot_456", False),
        (
            ShootProgress.from_data(SHOOT | {"status": "completed"}),
            "latest",
            "shoot:shoot_456",
            True,
        ),
        (ShootProgress.from_data(SHOOT | {"status": "failed"}), "latest", "shoot:shoot_456", True),
        (CreditUpdate.from_data(CREDIT), "every", "", False),
        (PromptChange.from_data(PROMPT), "latest", "prompt:prompt_789", True),
    ],
)
def test_each_event_knows_how_it_is_kept(
    event: Event, contract: str, key: str, final: bool
) -> None:
    kept = event.event_type.contract
    latest = kept if isinstance(kept, Latest) else None
    got_key = latest.key_of(vars(event)) if latest else ""
    got_final = latest.is_final(vars(event)) if latest else False
    assert (kept.name, got_key, got_final) == (contract, key, final)


def test_events_are_values() -> None:
    event = CreditUpdate.from_data(CREDIT)

    with pytest.raises(ValueError, match="frozen"):
        event.reason = "other"  # type: ignore[misc]
    assert event == CreditUpdate.from_data(CREDIT)


def test_lines_tabs_and_letters_of_all_people_are_text() -> None:
    text = "two\r\nlines\tand ü, 写真, 😀"

    assert CreditUpdate.from_data(CREDIT | {"reason": text}).reason == text
