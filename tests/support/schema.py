"""docs/schema as validators: what devices may say, and what the mesh may send them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema_rs import Draft202012Validator, ValidationError

from kull_edge.protocol.fields import MAX_BYTES_KEYWORD
from kull_protos.contract.event_types import is_event_type

if TYPE_CHECKING:
    from jsonschema_rs import KeywordValidator

SCHEMA = Path(__file__).parents[2] / "docs/schema"

Json = dict[str, Any]


class MaxBytes:
    """The keyword `x-max-bytes`: how long a text, or an object as compact JSON, may be in UTF-8."""

    def __init__(self, parent_schema: Json, value: int, schema_path: list[str]) -> None:
        self._limit = value

    def validate(self, instance: Any) -> None:
        text = instance
        if not isinstance(text, str):
            text = json.dumps(instance, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > self._limit:
            raise ValueError(f"has more than {self._limit} bytes")


def schema(name: str) -> Json:
    """Return the schema in a file of docs/schema."""
    read: Json = json.loads((SCHEMA / f"{name}.json").read_text())
    return read


def closed(spec: Any) -> Any:
    """Return a schema that refuses fields it does not name: a typo would be one."""
    if isinstance(spec, list):
        return [closed(each) for each in spec]
    if not isinstance(spec, dict):
        return spec
    inner = {name: closed(value) for name, value in spec.items()}
    return {"additionalProperties": False, **inner} if "required" in spec else inner


@cache
def device_validator() -> Draft202012Validator:
    """Return the validator of what devices say."""
    return _validator(schema("device"))


def _validator(spec: Json) -> Draft202012Validator:
    keywords: dict[str, type[KeywordValidator]] = {MAX_BYTES_KEYWORD: MaxBytes}
    return Draft202012Validator(spec, keywords=keywords)


@cache
def _server_validators() -> dict[str, Draft202012Validator]:
    """Return a validator per type: fields that the schema does not name are refused."""
    kinds = schema("server")["$defs"]
    return {type_: _validator(closed(spec)) for type_, spec in kinds.items()}


@cache
def _own_event() -> Draft202012Validator:
    """Return the validator of events whose type a deployment, or a device, has made up."""
    text, count = {"type": "string"}, {"type": "integer", "minimum": 0}
    known = {"id": text, "type": text, "data": {"type": "object"}, "timestamp": count}
    known |= {"deviceId": text, "userId": text}
    more = {"seq": count, "queue": text, "sender": text, "traceparent": text}
    spec = {"properties": known | more, "required": list(known), "additionalProperties": False}
    return _validator(spec)


def says(message: object) -> bool:
    """Return whether a device may say this."""
    return device_validator().is_valid(message)


def checked(message: Json) -> Json:
    """Return a message of the server. Raises AssertionError if the schema does not know it."""
    type_ = message.get("type")
    validator = _server_validators().get(str(type_))
    if validator is None and "id" in message and is_event_type(str(type_)):
        validator = _own_event()
    assert validator is not None, f"docs/schema/server.json has no {type_!r}: {message}"
    try:
        validator.validate(message)
    except ValidationError as error:
        raise AssertionError(f"{error.message} at {error.instance_path}: {message}") from None
    return message
