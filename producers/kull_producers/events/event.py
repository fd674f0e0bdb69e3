"""What an event is: a strictly validated value, and what its type says about it. PURE.

Attributes are snake_case in Python and camelCase on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from kull_producers.errors import InvalidEvent
from kull_producers.events import topology
from kull_producers.events.audience import Audience
from kull_producers.events.delivery_contract import Contract

_SHOWN_PROBLEMS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """All that there is to know about a type of events besides its fields.

    The publisher's method, the HTTP trigger, `kull send` and the SDKs' types follow from it.

    Attributes:
        name: on the wire, e.g. `SHOOT_PROGRESS`; the names below derive from it.
        summary: what publishing one does, as a sentence.
        exchange: the topic exchange it is published to; the router creates those of Kull's types
            and `kull.events`, which is for the types of others.
        scope: what a service key or token needs to publish one, e.g. `shoot:write`.
        contract: how events of this type are kept.
        audience: whom they are for.
        examples: bodies of HTTP requests, by what they show.
    """

    name: str
    summary: str
    scope: str
    contract: Contract
    audience: Audience
    examples: Mapping[str, Mapping[str, Any]]
    exchange: str = topology.OWN

    @property
    def slug(self) -> str:
        """In paths and commands: `shoot-progress`."""
        return self.name.lower().replace("_", "-")

    @property
    def method(self) -> str:
        """Of a publisher: `shoot_progress`."""
        return self.name.lower()

    @property
    def title(self) -> str:
        """In texts for people: `shoot progress`."""
        return self.name.lower().replace("_", " ")


class Event(BaseModel):
    """What all events share. Every way to build one raises InvalidEvent if a field is wrong.

    A type of events is a subclass with a docstring, `event_type`, and fields, each with a
    `description` that completes "it must be …". A `Catalogue` checks that.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        strict=True,
    )

    event_type: ClassVar[EventType]

    if not TYPE_CHECKING:  # type checkers see the constructor that pydantic derives from the fields

        def __init__(self, /, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise InvalidEvent(_explain(type(self), error)) from None

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Build the event from its wire form, whose fields are camelCase. Raises InvalidEvent."""
        known = {field.alias for field in cls.model_fields.values()}
        unknown = sorted(data.keys() - known)
        if unknown:
            title = cls.event_type.title
            raise InvalidEvent(f"{title}: {shown(unknown[0])} is not a field of it")
        return cls(**data)

    def data(self) -> dict[str, Any]:
        """Return what devices get, camelCase, without absent optional fields."""
        hidden = self.event_type.audience.hidden
        return self.model_dump(
            mode="json", exclude_none=True, exclude=set(hidden) if hidden else None
        )


def shown(value: object) -> str:
    """Return a value as errors show it: short."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _explain(model: type[Event], error: ValidationError) -> str:
    """Say what is wrong in one line, with the names the wire uses."""
    problems: dict[object, str] = {}
    for problem in error.errors(include_url=False):
        field = problem["loc"][:1]  # a field of several types reports one problem per type
        problems.setdefault(field, _problem(model, field, problem))
    return f"{model.event_type.title}: {'; '.join(list(problems.values())[:_SHOWN_PROBLEMS])}"


def _problem(model: type[Event], loc: tuple[int | str, ...], problem: ErrorDetails) -> str:
    if not loc:  # from a validator of the whole event, whose text is complete
        return str(problem["ctx"]["error"])
    name = to_camel(str(loc[0]))
    if problem["type"] == "extra_forbidden":
        return f"{shown(loc[0])} is not a field of it"
    wanted = next(f.description for f in model.model_fields.values() if f.alias == name)
    if problem["type"] == "missing":
        return f"{name} is missing, it must be {wanted}"
    return f"{name} must be {wanted}, not {shown(problem['input'])}"
