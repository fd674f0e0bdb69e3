"""The OpenAPI parts that FastAPI cannot know: bodies it does not parse, and every problem."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, Field

from kull_producers.events.models import CreditUpdate, Event, PromptChange, ShootProgress

Json = dict[str, Any]

EXAMPLES: Final[dict[type[Event], dict[str, Json]]] = {
    ShootProgress: {
        "working": {
            "summary": "A shoot at work",
            "value": {
                "userId": "user_123",
                "shootId": "shoot_456",
                "status": "processing",
                "processedCount": 15,
                "totalCount": 100,
                "currentImage": "IMG_0015.jpg",
                "eta": 120,
                "provider": "Replicate",
            },
        },
        "failed": {
            "summary": "A shoot that failed",
            "value": {
                "userId": "user_123",
                "shootId": "shoot_456",
                "status": "failed",
                "processedCount": 15,
                "totalCount": 100,
                "provider": "Replicate",
                "errorMessage": "IMG_0016.jpg is no photograph",
            },
        },
    },
    CreditUpdate: {
        "purchase": {
            "summary": "Credits bought",
            "value": {
                "userId": "user_123",
                "newBalance": 500,
                "change": 100,
                "reason": "Credit purchase",
            },
        }
    },
    PromptChange: {
        "some": {
            "summary": "Tell two users",
            "value": {
                "promptId": "prompt_789",
                "action": "voted",
                "userIds": ["user_123", "user_456"],
            },
        },
        "everybody": {
            "summary": "Tell everybody",
            "value": {"promptId": "prompt_789", "action": "updated"},
        },
    },
}


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str = Field(description="what was wrong and what to do")


class Accepted(BaseModel):
    """RabbitMQ has confirmed the event (or the outbox has it on disk)."""

    id: str = Field(description="the event's id: the Idempotency-Key, if there was one")


def problems(*statuses: HTTPStatus) -> dict[int | str, Json]:
    """Return the responses of these errors."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status.value: {
            "description": status.phrase,
            "content": {"application/problem+json": {"schema": schema}},
        }
        for status in statuses
    }


REFUSALS: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
)


def trigger(model: type[Event], *, addressed: bool = False) -> Json:
    """Return the arguments of a trigger's route. `addressed`: its body has a userId beside it."""
    schema = model.model_json_schema()
    if addressed:
        schema["properties"] = {"userId": {"type": "string"}, **schema["properties"]}
        schema["required"] = ["userId", *schema["required"]]
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "the event's id, unique in all your services: repeats arrive once",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
    }
    return {
        "status_code": HTTPStatus.ACCEPTED,
        "response_model": Accepted,
        "responses": problems(*REFUSALS, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
        "openapi_extra": body(schema, EXAMPLES[model]) | {"parameters": [key], **SECURED},
    }


SECURED: Final[Json] = {"security": [{"service": []}]}
SCHEMES: Final[Json] = {
    "service": {
        "type": "http",
        "scheme": "bearer",
        "description": "a service key (`kull keys add`) or a service token",
    }
}


def body(schema: Json, examples: dict[str, Json]) -> Json:
    """Return a required JSON body."""
    content = {"application/json": {"schema": schema, "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}


def complete(document: Json) -> Json:
    """Add to FastAPI's document what all routes share, and drop what no route answers."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = SCHEMES
    return document
