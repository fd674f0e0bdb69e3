"""JSON as the standard has it, without Python's extensions. PURE."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from kull_producers.errors import InvalidEvent


def parse_object(raw: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in UTF-8 bytes. Raises InvalidEvent, which calls it `what`."""
    try:
        # Decoded here, because json.loads would also guess UTF-16 and UTF-32.
        value = _DECODER.decode(raw.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(f"{what} must be UTF-8 JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidEvent(f"{what} must be a JSON object, not {type(value).__name__}")
    return value


def compact(value: dict[str, Any]) -> bytes:
    """Return an object as UTF-8 JSON without spaces, its fields in the given order."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field occurs twice")
    return fields


# Made once: json.loads would make one for each text.
_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_unique)
