"""The event types that a deployment knows. PURE."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kull_producers.contract.event_types import is_event_type
from kull_producers.errors import InvalidEvent
from kull_producers.events import topology
from kull_producers.events.delivery_contract import Latest
from kull_producers.events.event import Event, shown

_NAME: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_EXCHANGE: Final = re.compile(r"kull\.[a-z]+(-[a-z]+)*")
_SCOPE: Final = re.compile(r"[a-z]+(-[a-z]+)*:write")


class Catalogue(Mapping[str, type[Event]]):
    """Event types by their names on the wire. It never changes: who wants more makes another one.

    Args:
        models: the types. What a type lacks, or takes from others, is found here.

    Raises:
        TypeError: a type is not declared as it must be; the text says what to change.
    """

    def __init__(self, *models: type[Event]) -> None:
        self._models = {model.event_type.name: _checked(model) for model in models}
        if len(self._models) < len(models):
            raise TypeError("two event types have one name")

    def __getitem__(self, name: str) -> type[Event]:
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    @property
    def exchanges(self) -> tuple[str, ...]:
        """The exchanges that carry events: those of the types, and that of the rooms."""
        own = (model.event_type.exchange for model in self.values())
        return tuple(dict.fromkeys((*own, topology.ROOM)))

    @property
    def scopes(self) -> tuple[str, ...]:
        """What keys and tokens may allow to publish."""
        return tuple(dict.fromkeys(model.event_type.scope for model in self.values()))

    def event(self, name: str, data: Mapping[str, Any]) -> Event:
        """Build the event of a type from its wire form. Raises InvalidEvent."""
        model = self.get(name)
        if model is None:
            raise InvalidEvent(f"type must be one of {', '.join(self)}, not {shown(name)}")
        return model.from_data(data)


def _checked(model: type[Event]) -> type[Event]:
    """Return the type if it is declared as it must be. Raises TypeError."""
    kind = model.event_type
    if not _NAME.fullmatch(kind.name) or not is_event_type(kind.name):
        raise _wrong(model, f"its name {kind.name!r} is a word of the protocol, or not UPPER_CASE")
    if not _EXCHANGE.fullmatch(kind.exchange) or kind.exchange in topology.INTERNAL:
        raise _wrong(
            model, f"its exchange {kind.exchange!r} is not 'kull.<word>', or not for events"
        )
    if not _SCOPE.fullmatch(kind.scope):
        raise _wrong(model, f"its scope {kind.scope!r} is not '<word>:write'")
    if not model.__doc__ or model.__doc__ == Event.__doc__:
        raise _wrong(model, "it has no docstring, which the SDKs show")
    _check_fields(model)
    _check_examples(model)
    return model


def _check_fields(model: type[Event]) -> None:
    fields = model.model_fields
    for name, field in fields.items():
        if not field.description:
            raise _wrong(model, f"its field {name} has no description of what it must be")
    kind = model.event_type
    wanted = {*kind.audience.needs, *_fields_of(kind.contract)}
    if missing := sorted(wanted - set(fields)):
        raise _wrong(model, f"its contract or audience needs the field {missing[0]}")
    _check_progress(model)
    if kind.audience.takes_user and "user_id" in fields:
        raise _wrong(model, "its field user_id is the user beside the fields: use OwnUser")


def _check_progress(model: type[Event]) -> None:
    contract = model.event_type.contract
    if not isinstance(contract, Latest) or not contract.progress:
        return
    name = model.model_fields[contract.progress].alias
    schema = model.model_json_schema()["properties"][name]
    if schema.get("type") != "integer" or schema.get("minimum", -1) < 0:
        raise _wrong(model, f"its field {contract.progress} is no whole number from 0: use Count")


def _fields_of(contract: object) -> set[str]:
    if not isinstance(contract, Latest):
        return set()
    named = {name for _, name, _, _ in string.Formatter().parse(contract.key) if name}
    named |= {contract.progress} - {""} | set(contract.anew)
    return named if isinstance(contract.final, bool) else named | set(contract.final)


def _check_examples(model: type[Event]) -> None:
    kind = model.event_type
    if not kind.examples:
        raise _wrong(model, "it has no example")
    for what, body in kind.examples.items():
        fields = dict(body)
        user_id = fields.pop("userId", None) if kind.audience.takes_user else None
        try:
            event = model.from_data(fields)
            kind.audience.addresses(kind.title, event.__dict__, user_id)
        except InvalidEvent as error:
            raise _wrong(model, f"its example {what!r} is none: {error}") from error


def _wrong(model: type[Event], why: str) -> TypeError:
    return TypeError(f"event type {model.__name__}: {why}")
