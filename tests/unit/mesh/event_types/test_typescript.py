"""TypeScript types say what schemas say; `tsc` itself reads them in the integration tests."""

from __future__ import annotations

from typing import Any

import pytest

from gallery.events import CollectionShared
from kull_mesh.event_types.typescript import augmentation, by_type, interface, type_of
from kull_producers.events.schema import data_schema


@pytest.mark.parametrize(
    ("spec", "type_"),
    [
        ({"type": "string", "format": "date-time"}, "string"),
        ({"type": "integer"}, "number"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "number"),
        ({"enum": ["day", "it's", 3]}, r"'day' | 'it\'s' | 3"),
        ({"const": True}, "true"),
        ({"type": "array", "items": {"type": "string"}}, "readonly (string)[]"),
        (
            {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "readonly (string | null)[]",
        ),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            "readonly [string, number]",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            "Readonly<Record<string, number>>",
        ),
        ({"type": "object", "additionalProperties": True}, "Readonly<Record<string, unknown>>"),
        (
            {
                "type": "object",
                "properties": {"x": {"type": "integer"}, "a-b": {"type": "string"}},
                "required": ["x"],
            },
            "{ x: number; 'a-b'?: string }",
        ),
        ({}, "unknown"),
    ],
)
def test_a_field_has_the_type_that_its_schema_allows(spec: dict[str, Any], type_: str) -> None:
    assert type_of(spec) == type_


def test_a_description_cannot_end_its_comment() -> None:
    schema = data_schema(CollectionShared) | {"description": "a */ let x = 1; /*\nb"}

    assert interface(schema).startswith("/** a * / let x = 1; /* b */\n")


def test_the_client_learns_of_own_types_by_an_augmentation() -> None:
    text = augmentation(
        {"COLLECTION_SHARED": data_schema(CollectionShared)}, modules=["gallery.events"]
    )

    assert "from gallery.events: do not edit" in text
    assert "declare module '@kull/sync' {\n  interface PublishedData {" in text
    assert "    COLLECTION_SHARED: CollectionShared;\n" in text
    assert "  sharedAt?: string;\n" in text
    assert text.endswith("export type OwnEvent =\n  | EventOf<'COLLECTION_SHARED'>;\n")


def test_an_interface_has_the_data_by_type() -> None:
    text = by_type("OurData", "/** Ours. */", {"SEEN": {"title": "Seen"}})

    assert text == "/** Ours. */\nexport interface OurData {\n  SEEN: Seen;\n}"
