"""Own types are messages of the protocol like those of Kull."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from kull_mesh.event_types.websocket import device_schema, server_schema, shape
from kull_producers.event_modules import load
from kull_producers.events.models import EVENTS

SCHEMA = Path(__file__).parents[4] / "docs/schema"
EVENTS_OF_OURS = load("gallery.events")
HEAD = {"id": "1", "timestamp": 1, "deviceId": "server", "userId": "u"}


def test_the_schemas_in_the_documents_are_those_of_kulls_types() -> None:
    assert json.loads((SCHEMA / "device.json").read_text()) == device_schema()
    assert json.loads((SCHEMA / "server.json").read_text()) == server_schema(EVENTS)


@pytest.mark.parametrize(
    ("message", "valid"),
    [
        (
            {"type": "COLLECTION_RENAMED", "data": {"collectionId": "c", "title": "t"}, "seq": 1},
            True,
        ),
        ({"type": "COLLECTION_RENAMED", "data": {"collectionId": "c", "title": "t"}}, False),
        ({"type": "COLLECTION_RENAMED", "data": {"collectionId": "c"}, "seq": 1}, False),
        ({"type": "PHOTO_VIEWED", "data": {"photoId": "p", "viewer": "v"}}, True),
    ],
)
def test_own_events_are_read_as_they_are_kept(message: dict[str, Any], valid: bool) -> None:
    schema = jsonschema_rs.validator_for(server_schema(EVENTS_OF_OURS))

    assert schema.is_valid(HEAD | message) is valid
    assert not jsonschema_rs.is_valid(server_schema(EVENTS), HEAD | message)


def test_an_annotation_of_several_kinds_allows_each() -> None:
    assert shape(int | str) == {"anyOf": [{"type": "integer"}, {"type": "string"}]}
