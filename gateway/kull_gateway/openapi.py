"""The OpenAPI parts that FastAPI cannot know: bodies it does not parse, and every problem."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, Field

from kull_producers.events.catalogue import Catalogue
from kull_producers.events.event import Event
from kull_producers.events.schema import request_schema

Json = dict[str, Any]


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str = Field(description="what was wrong and what to do")
    id: str | None = Field(
        None,
        description="503 after some of several addressees were told: the key for the repeat",
    )
    confirmed: list[str] | None = Field(
        None, description="then: users, and rooms as room:<name>, that are told"
    )
    missing: list[str] | None = Field(None, description="then: those that are not, as far as known")


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


def trigger(model: type[Event]) -> Json:
    """Return the arguments of a trigger's route that describe it."""
    return _trigger(request_schema(model), model.event_type.examples, *REFUSALS, parameters=[KEY])


def any_trigger(events: Catalogue) -> Json:
    """Return the arguments of the route that takes events of any type which is declared."""
    models = events.values()
    names = [name for each in models for name in (each.event_type.slug, each.event_type.name)]
    which = {
        "name": "type",
        "in": "path",
        "required": True,
        "description": "the event's type, as in a path or as devices get it",
        "schema": {"type": "string", "enum": names},
    }
    examples = {
        f"{each.event_type.name}: {what}": example
        for each in models
        for what, example in each.event_type.examples.items()
    }
    return _trigger(
        {"anyOf": [request_schema(each) for each in models]},
        examples,
        *(*REFUSALS, HTTPStatus.NOT_FOUND),
        parameters=[which, KEY],
    )


def _trigger(
    schema: Json,
    examples: Mapping[str, Mapping[str, Any]],
    *refusals: HTTPStatus,
    parameters: list[Json],
) -> Json:
    return {
        "status_code": HTTPStatus.ACCEPTED,
        "response_model": Accepted,
        "responses": problems(*refusals, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
        "openapi_extra": body(schema, examples) | {"parameters": parameters, **SECURED},
    }


KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "the event's id, unique for your service and route: repeats arrive once",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
}


SECURED: Final[Json] = {"security": [{"service": []}]}
OF_A_DEVICE: Final[Json] = {"security": [{"device": []}]}
SCHEMES: Final[Json] = {
    "service": {
        "type": "http",
        "scheme": "bearer",
        "description": "a service key (`kull keys add`) or a service token",
    },
    "device": {"type": "http", "scheme": "bearer", "description": "a device token"},
}


def body(schema: Json, examples: Mapping[str, Mapping[str, Any]]) -> Json:
    """Return a required JSON body. `examples` are bodies by what they show."""
    shown = {
        summary.lower().replace(" ", "-"): {"summary": summary, "value": dict(example)}
        for summary, example in examples.items()
    }
    content = {"application/json": {"schema": schema, "examples": shown}}
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
