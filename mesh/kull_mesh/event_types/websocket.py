"""The WebSocket protocol as JSON Schema, from the edge's messages and the event types. PURE."""

from __future__ import annotations

import types
from typing import Annotated, Any, Final, NotRequired, get_args, get_origin, get_type_hints

from kull_edge.protocol import messages, server_messages
from kull_edge.protocol.fields import Kind, Said
from kull_producers.events.catalogue import Catalogue
from kull_producers.events.delivery_contract import Ephemeral
from kull_producers.events.models import ShootProgress
from kull_producers.events.schema import DRAFT, data_schema
from kull_protos.common.tracing import TRACEPARENT
from kull_protos.contract.limits import MAX_NUMBER

SCALARS: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}

Json = dict[str, Any]

EVENT_ID: Final[Json] = {
    "type": "string",
    "description": "the same for each delivery",
    "minLength": 1,
}


def device_schema() -> Json:
    """Return the schema of what devices say: what the edge, or the router, does not refuse."""
    defs: Json = {type_: _device_message(type_, cls) for type_, cls in messages.TYPES.items()}
    defs["ShootProgress"] = _payload(data_schema(ShootProgress))
    return {
        "$schema": DRAFT,
        "title": "What devices say, see docs/protocol.md",
        "oneOf": [{"$ref": f"#/$defs/{type_}"} for type_ in messages.TYPES],
        "$defs": defs,
    }


def server_schema(events: Catalogue) -> Json:
    """Return the schema of what devices get, where these event types are known."""
    data = {type_: shape(cls) for type_, cls in server_messages.TYPES.items()}
    stored = _data_of(events, stored=True)
    stored |= {type_: shape(cls) for type_, cls in server_messages.STORED.items()}
    fleeting = _data_of(events, stored=False)
    fleeting |= {type_: shape(cls) for type_, cls in server_messages.EPHEMERAL.items()}
    defs: Json = {type_: message(type_, spec, {}) for type_, spec in data.items()}
    queue = {"type": "string", "description": "absent: the user's own", "minLength": 1}
    seq = {"type": "integer", "minimum": 1, "maximum": MAX_NUMBER}
    trace = {"type": "string", "description": "W3C Trace Context; absent: not traced"}
    event = {"id": EVENT_ID, "queue": queue, TRACEPARENT: trace}
    for type_, spec in stored.items():
        defs[type_] = message(type_, spec, {"seq": seq, **event})
    for type_, spec in fleeting.items():
        defs[type_] = message(type_, spec, event)
    return {
        "$schema": DRAFT,
        "title": "What devices get, see docs/protocol.md",
        "oneOf": [{"$ref": f"#/$defs/{type_}"} for type_ in defs],
        "$defs": defs,
    }


def _data_of(events: Catalogue, *, stored: bool) -> Json:
    return {
        name: data_schema(model)
        for name, model in events.items()
        if isinstance(model.event_type.contract, Ephemeral) is not stored
    }


def shape(hint: Any) -> Json:
    """Return the schema of an annotation. Raises KeyError for what no message has used yet."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return shape(arguments[0])
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin is list:
        return {"type": "array", "items": shape(arguments[0])}
    if origin is types.UnionType:
        return {"anyOf": [shape(each) for each in arguments]}
    if hasattr(hint, "__required_keys__"):
        return _object(hint)
    return {"type": SCALARS[hint]}


def _annotated(hint: Any, notes: tuple[Any, ...]) -> Json:
    kinds = [each.schema for each in notes if isinstance(each, Kind | Said)]
    spec: Json = dict(kinds[0]) if kinds else shape(hint)
    for text in (each for each in notes if isinstance(each, str)):
        spec["description"] = text
    return spec


def _object(cls: Any) -> Json:
    hints = get_type_hints(cls, include_extras=True)
    return {
        "title": cls.__name__,
        "description": _summary(cls),
        "type": "object",
        "properties": {name: shape(hint) for name, hint in hints.items()},
        "required": [name for name, hint in hints.items() if get_origin(hint) is not NotRequired],
    }


def _device_message(type_: str, cls: type[messages.DeviceMessage]) -> Json:
    fields = messages.fields_of(cls)
    properties = {
        each.name: each.kind.schema if each.required else _or_null(each.kind.schema)
        for each in fields
    }
    required = [each.name for each in fields if each.required]
    return {
        "description": _summary(cls),
        "type": "object",
        "properties": {"type": {"const": type_}, **properties},
        "required": ["type", *required],
        **getattr(cls, "RULE", {}),
    }


def message(type_: str, data: Json, more: Json) -> Json:
    """Return the schema of a message with this type and data, and with more fields before them."""
    head = {"seq", "id"} & more.keys()
    return {
        "description": data["description"],
        "type": "object",
        "properties": {
            **more,
            "type": {"const": type_},
            "data": data,
            "timestamp": {
                "type": "integer",
                "minimum": 0,
                "description": "ms since the Unix epoch",
            },
            "deviceId": {"type": "string", "description": "who caused it, or server"},
            "userId": {"type": "string", "description": "whom it is for; empty in broadcasts"},
        },
        "required": [*sorted(head), "type", "data", "timestamp", "deviceId", "userId"],
    }


def _payload(progress: Json) -> Json:
    """What a device may say of a shoot: null is as good as absent, unknown fields are refused."""
    required = progress["required"]
    properties = {
        name: spec if name in required else _or_null(spec)
        for name, spec in progress["properties"].items()
    }
    return {**progress, "properties": properties, "additionalProperties": False}


def _or_null(spec: Json) -> Json:
    if isinstance(spec.get("type"), str):
        return {**spec, "type": [spec["type"], "null"]}
    return {**spec, "anyOf": [*spec["anyOf"], {"type": "null"}]}


def _summary(cls: type) -> str:
    return (cls.__doc__ or "").splitlines()[0]
