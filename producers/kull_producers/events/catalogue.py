"""The event types that a deployment knows. PURE."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from kull_producers.contract.event_types import is_event_type
from kull_producers.errors import InvalidEvent
from kull_producers.events import topology
from kull_producers.events.audience import addressed, whom_in
from kull_producers.events.delivery_contract import Latest
from kull_producers.events.event import Event, EventType, shown
from kull_producers.events.strict_json import compact, parse_object

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
        """The exchanges that carry events: of the types, of rooms, and of types of others."""
        own = (model.event_type.exchange for model in self.values())
        return tuple(dict.fromkeys((*own, topology.ROOM, topology.OWN)))

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


def declared(event: Event) -> EventType:
    """Return the type of an event that is to be published.

    Raises InvalidEvent: it is of no type that is declared as it must be; the text says what to do.
    """
    model = type(event)
    if not isinstance(event, Event):
        raise InvalidEvent(
            f"{shown(event)} is no event: declare its type, `class CollectionShared(Event)`, and "
            "publish one of that (docs/events.md)"
        )
    try:
        return _checked(model).event_type
    except TypeError as error:
        raise InvalidEvent(f"{error} (docs/events.md)") from None


@cache
def _checked(model: type[Event]) -> type[Event]:
    """Return the type if it is declared as it must be. Raises TypeError."""
    kind = getattr(model, "event_type", None)
    if not isinstance(kind, EventType):
        raise _wrong(
            model, "it has no `event_type`, which says what it is called and how it is kept"
        )
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
    if kind.audience.takes_rooms and "rooms" in fields:
        raise _wrong(model, "its field rooms is said beside the fields: call it otherwise")
    if kind.audience.takes_everybody and "everybody" in fields:
        raise _wrong(model, "its field everybody is said beside the fields: call it otherwise")


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
        try:
            whom = whom_in(kind.audience, kind.title, fields)
            event = model.from_data(fields)
            addressed(kind.audience, kind.title, vars(event), whom)
        except InvalidEvent as error:
            raise _wrong(model, f"its example {what!r} is none: {error}") from error
        _check_json(model, what, event)


def _check_json(model: type[Event], what: str, event: Event) -> None:
    """Devices get JSON: what a publisher says must come out as an app may say it by HTTP."""
    try:
        said = parse_object(compact(event.data()), "data")
    except (TypeError, ValueError) as error:
        raise _wrong(model, f"its example {what!r} makes no JSON: {error}") from error
    hidden = model.event_type.audience.hidden
    gone = {name: value for name, value in vars(event).items() if name in hidden}
    try:
        model(**said, **gone)
    except InvalidEvent as error:
        raise _wrong(model, f"its example {what!r} is not the same as JSON: {error}") from error


def _wrong(model: type[Event], why: str) -> TypeError:
    return TypeError(f"event type {model.__name__}: {why}")
