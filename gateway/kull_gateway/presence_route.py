"""`GET /api/sync/presence`: which users are there, for services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Protocol

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from kull_gateway import auth, openapi
from kull_gateway.problems import BadRequest, problem
from kull_gateway.triggers import Admission
from kull_producers.contract.limits import MAX_USER_ID_CHARS, MAX_WATCHED

_NO_STORE: Final = {"Cache-Control": "no-store"}
_USER_IDS: Final[dict[str, Any]] = {
    "name": "userIds",
    "in": "query",
    "description": f"users, separated by commas; at most {MAX_WATCHED}",
    "schema": {"type": "string"},
    "example": "user_123,user_456",
}
_USER_ID: Final[dict[str, Any]] = {
    "name": "userId",
    "in": "query",
    "description": "one user, as it is: an id may hold a comma; may be repeated",
    "schema": {"type": "array", "items": {"type": "string", "maxLength": MAX_USER_ID_CHARS}},
}


class PresentDevice(BaseModel):
    """A device that is connected, or was until a moment ago."""

    deviceId: str
    platform: str
    deviceName: str
    connectedAt: int = Field(description="milliseconds since the Unix epoch")


class UserPresence(BaseModel):
    """Whether a user is there."""

    userId: str
    online: bool | None = Field(
        description="null: nobody can say at the moment, ask again in some seconds"
    )
    lastSeen: int = Field(description="milliseconds since the Unix epoch; 0: not known")
    devices: list[PresentDevice]


class PresenceReply(BaseModel):
    """The users, in the order of the question."""

    users: list[UserPresence]


class NobodyAnswers(Exception):
    """No router could be asked."""


class AskPresence(Protocol):
    """What knows who is there: the routers."""

    async def __call__(self, users: Sequence[str]) -> Mapping[str, UserPresence]:
        """Return what is known of these users; those of whom nobody knows are left out.

        Raises NobodyAnswers.
        """
        ...


def add(app: FastAPI, ask: AskPresence, admission: Admission) -> None:
    """Add the route to an app."""

    @app.get(
        "/api/sync/presence",
        response_model=PresenceReply,
        responses=openapi.problems(
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ),
        openapi_extra={"parameters": [_USER_IDS, _USER_ID], **openapi.SECURED},
    )
    async def presence(request: Request) -> JSONResponse:
        """Tell which users are there, and when they were last. Needs the scope presence:read."""
        admission.admit(request, auth.PRESENCE_READ)
        users = _users(request)
        try:
            found = await ask(users)
        except NobodyAnswers:
            why = "no router answers: ask again in a moment"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, why, {"Retry-After": "1"})
        unknown = {
            user: UserPresence(userId=user, online=None, lastSeen=0, devices=[]) for user in users
        }
        reply = PresenceReply(users=[found.get(user, unknown[user]) for user in users])
        return JSONResponse(reply.model_dump(), headers=_NO_STORE)


def _users(request: Request) -> list[str]:
    """Return whom a request asks about, each once. Raises BadRequest."""
    listed = [each for text in request.query_params.getlist("userIds") for each in text.split(",")]
    users = list(dict.fromkeys([*listed, *request.query_params.getlist("userId")]))
    if not 0 < len(users) <= MAX_WATCHED:
        raise BadRequest(f"userIds: name 1 to {MAX_WATCHED} users")
    if not all(0 < len(user) <= MAX_USER_ID_CHARS for user in users):
        raise BadRequest(f"userIds: each has 1 to {MAX_USER_ID_CHARS} characters")
    return users
