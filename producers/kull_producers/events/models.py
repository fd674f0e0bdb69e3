"""The events of Kull. PURE.

Whoever adds a type adds a class and names it in EVENTS; `make schema` does the rest.
"""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from kull_producers.contract.limits import MAX_ADDRESS_BYTES, MAX_USER_ID_CHARS
from kull_producers.events import topology
from kull_producers.events.audience import MAX_NAMED, ChosenUsers, NamedUser, OwnUser
from kull_producers.events.catalogue import Catalogue
from kull_producers.events.delivery_contract import Every, Latest
from kull_producers.events.event import Event, EventType
from kull_producers.events.fields import Count, Id, Number, Seconds, Text, UserId

Status = Literal["queued", "processing", "completed", "failed"]
Action = Literal["created", "updated", "deleted", "voted"]

MAX_USER_IDS: Final = MAX_NAMED


class ShootProgress(Event):
    """How far the processing of a shoot is. Only the newest per shoot counts."""

    event_type = EventType(
        name="SHOOT_PROGRESS",
        summary="Tell a user's devices how far a shoot is.",
        exchange=topology.SHOOT,
        scope="shoot:write",
        contract=Latest(
            key="shoot:{shoot_id}",
            final={"status": ("completed", "failed")},
            progress="processed_count",
            anew={"status": ("queued",)},
        ),
        audience=NamedUser(),
        examples={
            "A shoot at work": {
                "userId": "user_123",
                "shootId": "shoot_456",
                "status": "processing",
                "processedCount": 15,
                "totalCount": 100,
                "currentImage": "IMG_0015.jpg",
                "eta": 120,
                "provider": "Replicate",
            },
            "A shoot that failed": {
                "userId": "user_123",
                "shootId": "shoot_456",
                "status": "failed",
                "processedCount": 15,
                "totalCount": 100,
                "provider": "Replicate",
                "errorMessage": "IMG_0016.jpg is no photograph",
            },
        },
    )

    shoot_id: Id = Field(description="1 to 128 characters without control characters")
    status: Status = Field(description="queued, processing, completed or failed")
    processed_count: Count = Field(description="a whole number from 0 to totalCount")
    total_count: Count = Field(description="a whole number, 0 or more")
    current_image: Text | None = Field(
        None,
        max_length=1024,
        description="a text of at most 1024 characters without control characters",
    )
    eta: Seconds | None = Field(None, description="the seconds that are left, 0 or more")
    provider: Text = Field(
        min_length=1, max_length=128, description="1 to 128 characters without control characters"
    )
    error_message: Text | None = Field(
        None,
        max_length=2000,
        description="a text of at most 2000 characters without control characters",
    )

    @model_validator(mode="after")
    def _counts_fit(self) -> Self:
        if self.processed_count > self.total_count:
            raise ValueError(
                f"processedCount must be at most totalCount ({self.total_count}), "
                f"not {self.processed_count}"
            )
        return self


class CreditUpdate(Event):
    """A user's balance has changed. Each one counts. The balance may be negative."""

    event_type = EventType(
        name="CREDIT_UPDATE",
        summary="Tell a user's devices that the balance has changed.",
        exchange=topology.CREDIT,
        scope="credit:write",
        contract=Every(),
        audience=OwnUser(),
        examples={
            "Credits bought": {
                "userId": "user_123",
                "newBalance": 500,
                "change": 100,
                "reason": "Credit purchase",
            }
        },
    )

    user_id: UserId = Field(
        description=(
            f"a user id: 1 to {MAX_USER_ID_CHARS} characters, no control characters, at most "
            f"{MAX_ADDRESS_BYTES} bytes with its prefix 'user:'"
        )
    )
    new_balance: Number = Field(description="a finite number below 2**53")
    change: Number = Field(description="a finite number below 2**53, negative for a deduction")
    reason: Text = Field(
        max_length=1000, description="a text of at most 1000 characters without control characters"
    )


class PromptChange(Event):
    """A marketplace prompt has changed. Only the newest per prompt counts."""

    event_type = EventType(
        name="PROMPT_CHANGE",
        summary="Tell some users, or everybody, that a prompt has changed.",
        exchange=topology.PROMPT,
        scope="prompt:write",
        contract=Latest(key="prompt:{prompt_id}", final=True),
        audience=ChosenUsers(),
        examples={
            "Tell two users": {
                "promptId": "prompt_789",
                "action": "voted",
                "userIds": ["user_123", "user_456"],
            },
            "Tell everybody": {"promptId": "prompt_789", "action": "updated"},
            "Tell who follows two rooms": {
                "promptId": "prompt_789",
                "action": "updated",
                "rooms": ["shoot:456", "team:lab"],
            },
        },
    )

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


EVENTS: Final = Catalogue(ShootProgress, CreditUpdate, PromptChange)
