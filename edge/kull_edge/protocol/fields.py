"""What a field may hold: of each kind one declaration, which gives its reader and its schema. PURE.

The kinds stand in the annotations of `messages.py` and `server_messages.py`. Of what devices say
they are read and refused here; what devices get is checked against the schema by the tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from kull_protos.contract import addresses, event_types
from kull_protos.contract.limits import (
    MAX_ADDRESS_BYTES,
    MAX_HISTORY,
    MAX_QUEUES,
    MAX_REF_CHARS,
    MAX_SEQ,
    MAX_STATE_BYTES,
    MAX_USER_ID_CHARS,
    MAX_WATCHED,
)

Json = dict[str, Any]

# Of the UTF-8 text, or of an object as compact JSON: JSON Schema counts characters only.
MAX_BYTES_KEYWORD: Final = "x-max-bytes"


class Invalid(ValueError):
    """A field does not hold what it must; the text names it and is fit for the device."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of field.

    Attributes:
        read: takes a value and the field's name, returns the value as our code has it.
            Raises Invalid.
        schema: what `read` accepts, in JSON Schema.
    """

    read: Callable[[Any, str], Any]
    schema: Json


@dataclass(frozen=True, slots=True)
class Said:
    """A kind of field that only we write: its JSON Schema."""

    schema: Json


def text(limit: int, *, least: int = 0) -> Kind:
    """Return the kind of texts of so many characters."""
    range_ = f"of {least} to {limit}" if least else f"of at most {limit}"

    def read(value: object, name: str) -> str:
        if isinstance(value, str) and least <= len(value) <= limit and encodes(value):
            return value
        raise Invalid(f"{name}: must be a string {range_} characters")

    return Kind(read, _text_schema(limit, least))


def _text_schema(limit: int, least: int = 0) -> Json:
    return {"type": "string", "maxLength": limit} | ({"minLength": least} if least else {})


def _seq(value: object, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEQ:
        return value
    raise Invalid(f"{name}: must be an integer from 0 to {MAX_SEQ}")


SEQ: Final = Kind(_seq, {"type": "integer", "minimum": 0, "maximum": MAX_SEQ})


def _ref(value: object, name: str) -> str | int:
    if isinstance(value, str) and len(value) <= MAX_REF_CHARS and encodes(value):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_SEQ:
        return value
    raise Invalid(f"{name}: must be an integer or a string of at most {MAX_REF_CHARS}")


REF: Final = Kind(
    _ref,
    {
        "anyOf": [
            _text_schema(MAX_REF_CHARS),
            {"type": "integer", "minimum": -MAX_SEQ, "maximum": MAX_SEQ},
        ]
    },
)


def _room(value: Any, name: str) -> Any:
    named = isinstance(value, str) and addresses.is_room(value) and value != addresses.ROOM
    if named and encodes(value) and len(value.encode()) <= MAX_ADDRESS_BYTES:
        return value
    raise Invalid(f"{name}: must be room:<name>, at most {MAX_ADDRESS_BYTES} bytes")


ROOM: Final = Kind(
    _room,
    {
        "type": "string",
        "pattern": f"^{addresses.ROOM}",
        "minLength": len(addresses.ROOM) + 1,
        "maxLength": MAX_ADDRESS_BYTES,
        MAX_BYTES_KEYWORD: MAX_ADDRESS_BYTES,
    },
)


def _positions(value: object, name: str) -> dict[str, int]:
    if not isinstance(value, dict):
        raise Invalid(f'{name}: must be an object, e.g. {{"user": 12}}')
    if len(value) > MAX_QUEUES:
        raise Invalid(f"{name}: names more than {MAX_QUEUES} queues")
    return {queue: _seq(seq, f"{name}.{queue[:40]}") for queue, seq in value.items()}


POSITIONS: Final = Kind(
    _positions,
    {"type": "object", "additionalProperties": SEQ.schema, "maxProperties": MAX_QUEUES},
)


def _history(value: object, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_HISTORY:
        return value
    raise Invalid(f"{name}: must be an integer from 0 to {MAX_HISTORY}")


HISTORY: Final = Kind(_history, {"type": "integer", "minimum": 0, "maximum": MAX_HISTORY})


def _event(value: object, name: str) -> str:
    if isinstance(value, str) and event_types.is_event_type(value):
        return value
    raise Invalid(f"{name}: must be up to 64 of A-Z, 0-9 and _, and no word of the protocol")


EVENT: Final = Kind(
    _event,
    {
        "type": "string",
        "pattern": f"^{event_types.PATTERN}$",
        "not": {"enum": sorted(event_types.RESERVED)},
    },
)


def _object(value: object, name: str) -> bytes:
    if not isinstance(value, dict):
        raise Invalid(f"{name}: must be an object")
    try:
        compact = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return compact.encode()
    except (ValueError, RecursionError):
        raise Invalid(f"{name}: holds a number or character that JSON cannot carry") from None


def _state(value: object, name: str) -> bytes:
    state = _object(value, name)
    if len(state) > MAX_STATE_BYTES:
        raise Invalid(f"{name}: has {len(state)} bytes, at most {MAX_STATE_BYTES} are allowed")
    return state


STATE: Final = Kind(_state, {"type": "object", MAX_BYTES_KEYWORD: MAX_STATE_BYTES})
DATA: Final = Kind(_object, {"type": "object"})
# The data of a shoot progress: its fields are read by the router, with the producers' models.
PAYLOAD: Final = Kind(_object, {"$ref": "#/$defs/ShootProgress"})


def _users(value: object, name: str) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_WATCHED:
        raise Invalid(f"{name}: must be a list of at most {MAX_WATCHED} user ids")
    return [_USER.read(user, f"{name}.{place}") for place, user in enumerate(value)]


_USER: Final = text(MAX_USER_ID_CHARS, least=1)
USERS: Final = Kind(_users, {"type": "array", "items": _USER.schema, "maxItems": MAX_WATCHED})


def encodes(value: str) -> bool:
    """Return whether a text is valid Unicode: a lone surrogate is not."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
