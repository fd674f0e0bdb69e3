"""The events that producers publish, as strictly validated values. PURE.

Attributes are snake_case in Python and camelCase on the wire. Numbers are finite and at most
2**53 - 1 in size, because the devices read them as JavaScript numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictStr,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from kull_producers.contract.limits import MAX_ADDRESS_BYTES
from kull_producers.errors import InvalidEvent
from kull_producers.events import address, topology

Contract = Literal["every", "latest"]
Status = Literal["queued", "processing", "completed", "failed"]
Action = Literal["created", "updated", "deleted", "voted"]

MAX_NUMBER: Final = 2**53 - 1  # the largest whole number JavaScript holds exactly
MAX_USER_IDS: Final = 1000
_SHOWN_PROBLEMS: Final = 3
_USER_ID: Final = (
    "a user id: not empty, no control characters, at most "
    f"{MAX_ADDRESS_BYTES} bytes with its prefix 'user:'"
)


def _addressable(user_id: str) -> str:
    address.user(user_id)
    return user_id


UserId = Annotated[StrictStr, AfterValidator(_addressable)]
Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Count = Annotated[int, Field(ge=0, le=MAX_NUMBER)]
_Finite = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)] | _Finite
Seconds = Count | Annotated[float, Field(ge=0, le=MAX_NUMBER, allow_inf_nan=False)]


class Event(BaseModel):
    """What all events share. Every way to build one raises InvalidEvent if a field is wrong.

    Attributes:
        type: the event's name on the wire.
        exchange: the topic exchange it is published to.
        contract: `every` (each one counts) or `latest` (only the newest per key counts).
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

    type: ClassVar[str]
    title: ClassVar[str]
    exchange: ClassVar[str]
    contract: ClassVar[Contract]

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
            raise InvalidEvent(f"{cls.title}: {_shown(unknown[0])} is not a field of it")
        return cls(**data)

    @property
    def key(self) -> str:
        """With `latest`: events of one key replace each other. Else empty."""
        return ""

    @property
    def final(self) -> bool:
        """With `latest`: whether nothing more is to come for the key."""
        return False

    def data(self) -> dict[str, Any]:
        """Return what devices get, camelCase, without absent optional fields."""
        return self.model_dump(exclude_none=True)


class ShootProgress(Event):
    """How far the processing of a shoot is. Only the newest per shoot counts."""

    type: ClassVar[str] = "SHOOT_PROGRESS"
    title: ClassVar[str] = "shoot progress"
    exchange: ClassVar[str] = topology.SHOOT
    contract: ClassVar[Contract] = "latest"

    shoot_id: Id = Field(description="1 to 128 characters without control characters")
    status: Status = Field(description="queued, processing, completed or failed")
    processed_count: Count = Field(description="a whole number from 0 to totalCount")
    total_count: Count = Field(description="a whole number, 0 or more")
    current_image: str | None = Field(
        None, max_length=1024, description="a text of at most 1024 characters"
    )
    eta: Seconds | None = Field(None, description="the seconds that are left, 0 or more")
    provider: str = Field(min_length=1, max_length=128, description="a text of 1 to 128 characters")
    error_message: str | None = Field(
        None, max_length=2000, description="a text of at most 2000 characters"
    )

    @model_validator(mode="after")
    def _counts_fit(self) -> Self:
        if self.processed_count > self.total_count:
            raise ValueError(
                f"processedCount must be at most totalCount ({self.total_count}), "
                f"not {self.processed_count}"
            )
        return self

    @property
    def key(self) -> str:
        """One key per shoot."""
        return f"shoot:{self.shoot_id}"

    @property
    def final(self) -> bool:
        """A completed or failed shoot gets no more progress."""
        return self.status in {"completed", "failed"}


class CreditUpdate(Event):
    """A user's balance has changed. Each one counts. The balance may be negative."""

    type: ClassVar[str] = "CREDIT_UPDATE"
    title: ClassVar[str] = "credit update"
    exchange: ClassVar[str] = topology.CREDIT
    contract: ClassVar[Contract] = "every"

    user_id: UserId = Field(description=_USER_ID)
    new_balance: Number = Field(description="a finite number below 2**53")
    change: Number = Field(description="a finite number below 2**53, negative for a deduction")
    reason: str = Field(max_length=1000, description="a text of at most 1000 characters")


class PromptChange(Event):
    """A marketplace prompt has changed. Only the newest per prompt counts.

    `user_ids` says who is told (absent: everybody). It never leaves the publisher: one user must
    not learn who else was told.
    """

    type: ClassVar[str] = "PROMPT_CHANGE"
    title: ClassVar[str] = "prompt change"
    exchange: ClassVar[str] = topology.PROMPT
    contract: ClassVar[Contract] = "latest"

    prompt_id: Id = Field(description="1 to 128 characters without control characters")
    action: Action = Field(description="created, updated, deleted or voted")
    # Not strict, so that a list will do; its items stay strict.
    user_ids: tuple[UserId, ...] | None = Field(
        None,
        strict=False,
        min_length=1,
        max_length=MAX_USER_IDS,
        description=f"1 to {MAX_USER_IDS} user ids, or left out to tell everybody",
    )

    @property
    def key(self) -> str:
        """One key per prompt."""
        return f"prompt:{self.prompt_id}"

    @property
    def final(self) -> bool:
        """A change of a prompt is complete in itself."""
        return True

    def data(self) -> dict[str, Any]:
        """Return what devices get: never the other users."""
        return self.model_dump(exclude={"user_ids"})


EVENTS: Final[Mapping[str, type[Event]]] = {
    event.type: event for event in (ShootProgress, CreditUpdate, PromptChange)
}


def event_from_data(type_: str, data: Mapping[str, Any]) -> Event:
    """Build the event of a wire type from its wire form. Raises InvalidEvent."""
    model = EVENTS.get(type_)
    if model is None:
        raise InvalidEvent(f"type must be one of {', '.join(EVENTS)}, not {_shown(type_)}")
    return model.from_data(data)


def _explain(model: type[Event], error: ValidationError) -> str:
    """Say what is wrong in one line, with the names the wire uses."""
    problems: dict[object, str] = {}
    for problem in error.errors(include_url=False):
        field = problem["loc"][:1]  # a field of several types reports one problem per type
        problems.setdefault(field, _problem(model, field, problem))
    return f"{model.title}: {'; '.join(list(problems.values())[:_SHOWN_PROBLEMS])}"


def _problem(model: type[Event], loc: tuple[int | str, ...], problem: ErrorDetails) -> str:
    if not loc:  # from a validator of the whole event, whose text is complete
        return str(problem["ctx"]["error"])
    name = to_camel(str(loc[0]))
    if problem["type"] == "extra_forbidden":
        return f"{_shown(loc[0])} is not a field of it"
    wanted = next(f.description for f in model.model_fields.values() if f.alias == name)
    if problem["type"] == "missing":
        return f"{name} is missing, it must be {wanted}"
    return f"{name} must be {wanted}, not {_shown(problem['input'])}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
