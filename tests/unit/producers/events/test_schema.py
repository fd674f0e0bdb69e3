"""Schemas of what devices get and what callers send, whatever fields a type has."""

from __future__ import annotations

import enum
from typing import Any, ClassVar

import jsonschema_rs
import pytest
from pydantic import AwareDatetime, BaseModel, Field

from kull_producers.events.audience import NamedUser, UserOrEverybody
from kull_producers.events.delivery_contract import Every
from kull_producers.events.event import Event, EventType
from kull_producers.events.models import EVENTS, PromptChange
from kull_producers.events.schema import data_schema, request_schema

KIND = EventType(
    name="SEEN",
    summary="Tell that it was seen.",
    scope="seen:write",
    contract=Every(),
    audience=NamedUser(),
    examples={},
)


class Light(enum.Enum):
    DAY = "day"
    NIGHT = "night"


class Face(BaseModel):
    title: str
    discriminator: int | None = None


class Tree(BaseModel):
    branches: list[Tree] = []


class Seen(Event):
    """Somebody has seen something."""

    event_type: ClassVar[EventType] = KIND

    title: str | None = Field(None, description="a text")
    light: Light = Field(strict=False, description="day or night")
    faces: list[Face | None] = Field(strict=False, description="faces")
    at: AwareDatetime = Field(strict=False, description="a time")


FIELDS: dict[str, Any] = {
    "light": "day",
    "faces": [{"title": "Maya"}, None],
    "at": "2026-11-28T12:00:00Z",
}


def test_what_devices_get_is_as_the_schema_says_and_what_is_wrong_is_not() -> None:
    schema = jsonschema_rs.validator_for(data_schema(Seen))

    said = Seen.from_data(FIELDS).data()

    assert said == FIELDS
    assert schema.is_valid(said)
    assert not schema.is_valid({**said, "title": None}), "it is left out instead"
    assert not schema.is_valid({**said, "light": "dusk"})
    assert not schema.is_valid({**said, "faces": [{"discriminator": 1}]})


def test_a_schema_refers_to_nothing_and_keeps_fields_of_any_name() -> None:
    face = data_schema(Seen)["properties"]["faces"]["items"]["anyOf"][0]

    assert "$ref" not in str(data_schema(Seen)) + str(request_schema(Seen))
    assert set(face["properties"]) == {"title", "discriminator"}


def test_data_without_an_end_is_refused() -> None:
    class Forest(Event):
        """A forest."""

        event_type: ClassVar[EventType] = KIND

        tree: Tree = Field(description="a tree")

    with pytest.raises(TypeError, match="Tree holds itself"):
        data_schema(Forest)


def test_a_request_names_its_user_and_a_device_never_learns_who_else_was_told() -> None:
    assert request_schema(Seen)["anyOf"] == [{"required": ["userId"]}, {"required": ["rooms"]}]
    assert "userIds" in request_schema(PromptChange)["properties"]
    assert "userIds" not in data_schema(PromptChange)["properties"]


@pytest.mark.parametrize("model", EVENTS.values())
def test_the_examples_of_kulls_types_are_requests(model: type[Event]) -> None:
    schema = jsonschema_rs.validator_for(request_schema(model))

    assert all(schema.is_valid(dict(each)) for each in model.event_type.examples.values())


def test_a_request_names_either_a_user_or_everybody() -> None:
    class Away(Event):
        """Away."""

        event_type: ClassVar[EventType] = EventType(
            **{name: getattr(KIND, name) for name in ("name", "summary", "scope", "contract")},
            audience=UserOrEverybody(),
            examples={},
        )

        minutes: int = Field(description="minutes")

    schema = jsonschema_rs.validator_for(request_schema(Away))

    assert schema.is_valid({"userId": "u", "minutes": 1})
    assert schema.is_valid({"everybody": True, "minutes": 1})
    assert not schema.is_valid({"minutes": 1})
    assert not schema.is_valid({"everybody": False, "minutes": 1})
    assert not schema.is_valid({"userId": "u", "everybody": True, "minutes": 1})
