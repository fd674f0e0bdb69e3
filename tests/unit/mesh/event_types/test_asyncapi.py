"""The AsyncAPI document has all channels; the official parser reads it in the web SDK's checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import jsonschema_rs
import pytest
from pydantic import Field

from kull_mesh.event_types.asyncapi import document
from kull_mesh.event_types.websocket import device_schema, server_schema
from kull_producers import Catalogue, Event, EventType, Every, NamedUser
from kull_producers.event_modules import load
from kull_producers.events.models import EVENTS


class PhotoMoved(Event):
    """A photo has another place."""

    event_type: ClassVar[EventType] = EventType(
        name="PHOTO_MOVED",
        summary="Tell where a photo is.",
        scope="photo:write",
        contract=Every(),
        audience=NamedUser(),
        examples={"One": {"userId": "u", "place": [1, "left"]}},
    )

    place: tuple[int, str] = Field(strict=False, description="a number and a side")


ROOT = Path(__file__).parents[4]
OURS = document(load("gallery.events"))


def test_the_document_of_kulls_types_is_the_committed_one() -> None:
    assert json.loads((ROOT / "docs/schema/asyncapi.json").read_text()) == document(EVENTS)


def test_each_type_has_a_channel_with_its_exchange_and_routing_key() -> None:
    channel = OURS["channels"]["COLLECTION_SHARED"]

    assert channel["address"] == "{shard}.{kind}.{id}.collection_shared"
    assert channel["bindings"]["amqp"]["exchange"]["name"] == "kull.events"
    assert (
        OURS["channels"]["CREDIT_UPDATE"]["bindings"]["amqp"]["exchange"]["name"] == "kull.credit"
    )


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("COLLECTION_SHARED", ["user"]),
        ("MAINTENANCE_PLANNED", ["user", "all"]),
        ("PROMPT_CHANGE", ["user", "all"]),
        ("CREDIT_UPDATE", ["user"]),
    ],
)
def test_a_channel_says_who_may_be_told(name: str, kinds: list[str]) -> None:
    assert OURS["channels"][name]["parameters"]["kind"]["enum"] == kinds


def test_rooms_are_told_everything_but_what_is_its_own_users() -> None:
    messages = OURS["channels"]["rooms"]["messages"]

    assert "event.COLLECTION_SHARED" in messages
    assert "event.CREDIT_UPDATE" not in messages


@pytest.mark.parametrize(
    "name", [name for name in OURS["components"]["messages"] if name[0] == "e"]
)
def test_the_examples_are_what_publishers_send_and_as_their_schemas_say(name: str) -> None:
    message = OURS["components"]["messages"][name]

    assert message["examples"]
    for example in message["examples"]:
        jsonschema_rs.validate(message["payload"], example["payload"])
        jsonschema_rs.validate(message["headers"], example["headers"])
        assert set(example["headers"]) <= set(message["headers"]["properties"])


def test_a_device_has_every_message_in_both_directions() -> None:
    def said(prefix: str) -> set[str]:
        messages = OURS["channels"]["devices"]["messages"]
        return {each.removeprefix(prefix) for each in messages if each.startswith(prefix)}

    assert said("say.") == device_schema()["$defs"].keys() - {"ShootProgress"}
    assert said("get.") == server_schema(load("gallery.events"))["$defs"].keys()
    assert OURS["operations"]["devices.say"]["action"] == "receive"
    assert OURS["operations"]["devices.get"]["action"] == "send"


def test_a_list_of_fixed_parts_is_said_as_draft_7_has_it() -> None:
    message = document(Catalogue(PhotoMoved))["components"]["messages"]["event.PHOTO_MOVED"]
    schema = jsonschema_rs.Draft7Validator(message["payload"])
    [example] = message["examples"]

    assert schema.is_valid(example["payload"])
    assert not schema.is_valid(example["payload"] | {"data": {"place": ["left", 1]}})
