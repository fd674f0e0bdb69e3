"""The JSON Schema of what devices get of an event. PURE."""

from __future__ import annotations

from typing import Any, Final

from pydantic.alias_generators import to_camel

from kull_producers.events.audience import MAX_NAMED
from kull_producers.events.event import Event

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_ROOMS: Final = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "maxItems": MAX_NAMED,
    "description": "names of rooms whose followers are told as well, or alone",
}
_REFERS: Final = {"$ref", "$defs", "discriminator"}

Schema = dict[str, Any]


def data_schema(model: type[Event]) -> Schema:
    """Return the schema of an event's data: camelCase, absent instead of null, no references.

    Raises TypeError: a field refers to itself.
    """
    whole = resolved(model.model_json_schema(by_alias=True, mode="serialization"))
    hidden = {to_camel(name) for name in model.event_type.audience.hidden}
    properties = {
        name: without_null(spec) for name, spec in whole["properties"].items() if name not in hidden
    }
    # Null is never sent, so what has a default is what may be absent.
    required = model.model_json_schema().get("required", ())
    return {
        "title": whole["title"],
        "description": first_line(model),
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name in required],
    }


def request_schema(model: type[Event]) -> Schema:
    """Return the schema of a request's body: the fields, and whom it names. No references.

    Raises TypeError like `data_schema`.
    """
    whole = resolved(model.model_json_schema(by_alias=True))
    audience = model.event_type.audience
    before: Schema = {"userId": {"type": "string"}} if audience.takes_user else {}
    after: Schema = {"rooms": _ROOMS} if audience.takes_rooms else {}
    named = [{"required": [name]} for name in (*before, *after)]
    if audience.takes_everybody:
        text = "instead of userId and rooms: all users are told"
        before["everybody"] = {"type": "boolean", "const": True, "description": text}
        whole["oneOf"] = [{"anyOf": named}, {"required": ["everybody"]}]
    elif audience.takes_user:
        whole["anyOf"] = named
    return {**whole, "properties": {**before, **whole["properties"], **after}}


def first_line(model: type[Event]) -> str:
    """Return what a type is, in a sentence."""
    return (model.__doc__ or "").strip().splitlines()[0]


def resolved(schema: Schema) -> Schema:
    """Return a schema with what it refers to put in. Raises TypeError: a part refers to itself."""
    definitions = schema.get("$defs", {})

    def put_in(value: Any, within: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [put_in(each, within) for each in value]
        if not isinstance(value, dict):
            return value
        kept = {key: put_in(each, within) for key, each in value.items() if key not in _REFERS}
        if isinstance(fields := value.get("properties"), dict):  # which may be called anything
            kept["properties"] = {name: put_in(each, within) for name, each in fields.items()}
        if not isinstance(value.get("$ref"), str):
            return kept
        name = value["$ref"].rpartition("/")[2]
        if name in within:
            raise TypeError(f"{name} holds itself: give the data of an event a shape with an end")
        return {**put_in(definitions[name], (*within, name)), **kept}

    made: Schema = put_in(schema, ())
    return made


def without_null(spec: Schema, *, in_list: bool = False) -> Schema:
    """Return the schema of a property as devices get it: what is null is left out, but in lists.

    Defaults and titles are dropped, and what is alike is merged.
    """
    kept = {name: value for name, value in spec.items() if name not in {"title", "default"}}
    if "items" in kept:
        kept["items"] = without_null(kept["items"], in_list=True)
    if "properties" in kept:
        kept["properties"] = {name: without_null(each) for name, each in kept["properties"].items()}
    options = kept.pop("anyOf", [])
    parts = [each for each in options if in_list or each.get("type") != "null"]
    options = [without_null(each) for each in parts]
    if len(options) == 1:
        return {**options[0], **kept}
    return {**kept, "anyOf": options} if options else kept
