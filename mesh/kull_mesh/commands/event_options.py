"""The options of a command that makes an event: one per field of its model."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

import typer

from kull_mesh.errors import MeshError
from kull_producers import Event

USER: Final = "user"  # the option that names the user beside the fields
EVERYBODY: Final = "everybody"  # the one that is said instead
ROOM: Final = "room"  # the one that names rooms
_TAKEN: Final = {"id", "url", "amqp-url", "help"}
_SUFFIX: Final = re.compile(r"_(ids?|count)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOption:
    """One option.

    Attributes:
        name: of the field in Python, `shoot_id`.
        flag: `--shoot`.
        kind: what the command line reads.
        help: what the field must be.
        required: whether it must be given.
        value: turns what was read into the field's value. Raises MeshError.
    """

    name: str
    flag: str
    kind: type[Any]
    help: str
    required: bool
    value: Callable[[Any], Any]

    @classmethod
    def of(cls, name: str, flag: str, spec: Mapping[str, Any], *, required: bool) -> Self:
        """Return the option for a field with this JSON Schema."""
        kind, value = _reader(spec)
        text = str(spec["description"])
        return cls(
            name=name,
            flag=f"--{flag}/--no-{flag}" if kind is bool else f"--{flag}",
            kind=kind,
            help=f"{text[0].upper()}{text[1:]}.",
            required=required,
            value=value,
        )

    @property
    def argument(self) -> str:
        """The command's argument: never one that every command has."""
        return f"field_{self.name}"

    @property
    def annotation(self) -> Any:
        """What Typer reads."""
        kind: Any = self.kind if self.required else self.kind | None
        return Annotated[kind, typer.Option(self.flag, help=self.help)]


def options_of(model: type[Event]) -> list[FieldOption]:
    """Return the options for the fields of a model, required ones first."""
    schema = model.model_json_schema(by_alias=False)
    required = schema.get("required", [])
    flags = _flags(list(schema["properties"]), taken=_TAKEN | set(whom_options(model)))
    found = [
        FieldOption.of(name, flags[name], spec, required=name in required)
        for name, spec in schema["properties"].items()
    ]
    return sorted(found, key=lambda option: not option.required)


def whom_options(model: type[Event]) -> list[str]:
    """Return the options that say whom an event is for, beside its fields."""
    audience = model.event_type.audience
    options = {
        USER: audience.takes_user,
        EVERYBODY: audience.takes_everybody,
        ROOM: audience.takes_rooms,
    }
    return [name for name, taken in options.items() if taken]


def _flags(names: list[str], *, taken: set[str]) -> dict[str, str]:
    """Return short names, `shoot` for `shoot_id`, where they are free."""
    short = {name: _SUFFIX.sub("", name).replace("_", "-") for name in names}
    uses = Counter(short.values())
    flags = {}
    for name, flag in short.items():
        own = flag if uses[flag] == 1 else name.replace("_", "-")
        flags[name] = f"event-{own}" if own in taken else own
    return flags


def _reader(spec: Mapping[str, Any]) -> tuple[type[Any], Callable[[Any], Any]]:
    options = [each for each in spec.get("anyOf", [spec]) if each.get("type") != "null"]
    kinds = {each.get("type") for each in options}
    if kinds <= {"integer", "number"}:
        return (float, _whole) if "number" in kinds else (int, _same)
    if kinds == {"boolean"}:
        return bool, _same
    if kinds == {"array"} and options[0]["items"].get("type") == "string":
        return list[str], lambda given: given or None
    if kinds == {"string"}:
        return str, _same
    return str, _parsed


def _same(given: Any) -> Any:
    return given


def _whole(given: float | None) -> float | None:
    return int(given) if given is not None and given.is_integer() else given


def _parsed(given: str | None) -> Any:
    try:
        return None if given is None else json.loads(given)
    except (ValueError, RecursionError) as error:
        raise MeshError(f"{given[:40] if given else given!r} is no JSON: {error}") from error
