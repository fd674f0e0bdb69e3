"""Generate docs/schema from the edge's messages and the events; `--check` fails on drift."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Annotated, Any, Final, NotRequired, get_args, get_origin, get_type_hints

from kull_edge.protocol import messages, server_messages
from kull_edge.protocol.fields import Kind, Said
from kull_protos.common.tracing import TRACEPARENT
from kull_protos.contract.limits import MAX_NUMBER

ROOT: Final = Path(__file__).parent.parent
EVENTS: Final = ROOT / "clients/web/packages/sync/schema/events.json"  # see gen_events.py
DEVICE: Final = ROOT / "docs/schema/device.json"
SERVER: Final = ROOT / "docs/schema/server.json"
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
SCALARS: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}

Json = dict[str, Any]


def device_schema(events: Json) -> Json:
    """Return the schema of what devices say: what the edge, or the router, does not refuse."""
    defs: Json = {type_: _device_message(type_, cls) for type_, cls in messages.TYPES.items()}
    defs["ShootProgress"] = _payload(events["SHOOT_PROGRESS"])
    return {
        "$schema": DRAFT,
        "title": "What devices say, see docs/protocol.md",
        "oneOf": [{"$ref": f"#/$defs/{type_}"} for type_ in messages.TYPES],
        "$defs": defs,
    }


def server_schema(events: Json) -> Json:
    """Return the schema of what devices get."""
    data = {type_: shape(cls) for type_, cls in server_messages.TYPES.items()}
    stored = events | {type_: shape(cls) for type_, cls in server_messages.STORED.items()}
    fleeting = {type_: shape(cls) for type_, cls in server_messages.EPHEMERAL.items()}
    defs: Json = {type_: _server_message(type_, spec, {}) for type_, spec in data.items()}
    queue = {"type": "string", "description": "absent: the user's own", "minLength": 1}
    id_ = {"type": "string", "description": "the same for each delivery", "minLength": 1}
    seq = {"type": "integer", "minimum": 1, "maximum": MAX_NUMBER}
    trace = {"type": "string", "description": "W3C Trace Context; absent: not traced"}
    event = {"id": id_, "queue": queue, TRACEPARENT: trace}
    for type_, spec in stored.items():
        defs[type_] = _server_message(type_, spec, {"seq": seq, **event})
    for type_, spec in fleeting.items():
        defs[type_] = _server_message(type_, spec, event)
    return {
        "$schema": DRAFT,
        "title": "What devices get, see docs/protocol.md",
        "oneOf": [{"$ref": f"#/$defs/{type_}"} for type_ in defs],
        "$defs": defs,
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


def _server_message(type_: str, data: Json, more: Json) -> Json:
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


def generate() -> dict[Path, str]:
    """Return what each generated file should hold."""
    events = json.loads(EVENTS.read_text())["$defs"]
    schemas = {DEVICE: device_schema(events), SERVER: server_schema(events)}
    return {path: json.dumps(schema, indent=2) + "\n" for path, schema in schemas.items()}


def main() -> None:
    """Write the files, or compare them with what is committed."""
    files = generate()
    if "--check" in sys.argv:
        drifted = [
            path.name
            for path, text in files.items()
            if not path.exists() or path.read_text() != text
        ]
        if drifted:
            sys.exit(f"docs/schema has drifted, run `make schema`: {', '.join(drifted)}")
        return
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
