"""`kull send` for any event: which options its fields become, and what they make of a text."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field

from kull_mesh.commands.event_options import FieldOption, options_of
from kull_mesh.errors import MeshError
from kull_producers.events.audience import NamedUser
from kull_producers.events.delivery_contract import Every
from kull_producers.events.event import Event, EventType
from kull_producers.events.fields import Number
from kull_producers.events.models import CreditUpdate, PromptChange, ShootProgress


class Point(BaseModel):
    """Somewhere on a photograph."""

    x: int
    y: int


class Everything(Event):
    """All kinds of fields, and names that are taken."""

    event_type = EventType(
        name="EVERYTHING",
        summary="Try it.",
        exchange="kull.try",
        scope="try:write",
        contract=Every(),
        audience=NamedUser(),
        examples={},
    )

    url: str = Field(description="a text")
    user: str = Field(description="a text")
    event_id: str = Field(description="a text")
    shoot_id: str = Field(description="a text")
    shoot_count: int = Field(description="a whole number")
    public: bool = Field(description="yes or no")
    price: Number | None = Field(None, description="a number")
    tags: list[str] | None = Field(None, description="texts")
    faces: list[Point] | None = Field(None, description="points")


def options(model: type[Event]) -> dict[str, FieldOption]:
    return {option.name: option for option in options_of(model)}


def test_ids_and_counts_are_called_after_what_they_are_of() -> None:
    assert {each.name: each.flag for each in options_of(ShootProgress)} == {
        "shoot_id": "--shoot",
        "status": "--status",
        "processed_count": "--processed",
        "total_count": "--total",
        "provider": "--provider",
        "current_image": "--current-image",
        "eta": "--eta",
        "error_message": "--error-message",
    }
    assert options(CreditUpdate)["user_id"].flag == "--user"
    assert options(PromptChange)["user_ids"].flag == "--user"


def test_no_option_takes_the_name_of_another_one() -> None:
    flags = {name: option.flag for name, option in options(Everything).items()}

    assert flags["url"] == "--event-url"
    assert flags["user"] == "--event-user"
    assert flags["event_id"] == "--event"
    assert (flags["shoot_id"], flags["shoot_count"]) == ("--shoot-id", "--shoot-count")
    assert len({*flags.values()}) == len(flags)
    assert len({option.argument for option in options(Everything).values()}) == len(flags)


def test_required_options_come_first_and_say_what_they_must_be() -> None:
    required = [option.required for option in options_of(Everything)]

    assert required == sorted(required, reverse=True)
    assert options(Everything)["price"].help == "A number."


@pytest.mark.parametrize(
    ("name", "kind", "given", "value"),
    [
        ("url", str, "x", "x"),
        ("shoot_count", int, 3, 3),
        ("public", bool, False, False),
        ("price", float, 2.0, 2),
        ("price", float, 2.5, 2.5),
        ("price", float, None, None),
        ("tags", list[str], ["a", "b"], ["a", "b"]),
        ("tags", list[str], [], None),
        ("faces", str, '[{"x": 1, "y": 2}]', [{"x": 1, "y": 2}]),
        ("faces", str, None, None),
    ],
)
def test_what_is_given_becomes_the_fields_value(
    name: str, kind: type[Any], given: Any, value: Any
) -> None:
    option = options(Everything)[name]

    got = option.value(given)

    assert option.kind == kind
    assert (got, type(got)) == (value, type(value))


def test_a_text_that_should_be_json_and_is_not_is_told() -> None:
    with pytest.raises(MeshError, match=r"'\[1' is no JSON"):
        options(Everything)["faces"].value("[1")
