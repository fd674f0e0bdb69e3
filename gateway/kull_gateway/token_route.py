"""`POST /api/sync/token`: a device token, for the backend that has checked who its user is."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from kull_gateway import auth, openapi, requests
from kull_gateway.problems import BadRequest
from kull_gateway.token_minter import Minter
from kull_gateway.triggers import Admission
from kull_producers.contract.device_tokens import ROOM_READ
from kull_producers.contract.limits import (
    MAX_CONTACTS,
    MAX_DEVICE_ID_CHARS,
    MAX_NAME_CHARS,
    MAX_PLATFORM_CHARS,
    MAX_RIGHTS,
    MAX_ROOMS_GRANTED,
    MAX_USER_ID_CHARS,
)
from kull_producers.contract.texts import CONTROL, TURNING
from kull_producers.errors import InvalidEvent
from kull_producers.events import address

DEFAULT_TTL: Final = 3600  # seconds
_PLAIN: Final = f"^[^{CONTROL}]*$"
_DEVICE: Final = f"^[^{CONTROL}{TURNING}]*$"
_NO_STORE: Final = {"Cache-Control": "no-store"}

UserId = Annotated[str, Field(min_length=1, max_length=MAX_USER_ID_CHARS, pattern=_PLAIN)]
Room = Annotated[str, Field(min_length=1, max_length=100, pattern=_PLAIN)]
RoomRights = Annotated[list[Literal["read", "write", "presence"]], Field(max_length=MAX_RIGHTS)]
Rooms = (
    Annotated[list[Room], Field(max_length=MAX_ROOMS_GRANTED)]
    | Annotated[dict[Room, RoomRights], Field(max_length=MAX_ROOMS_GRANTED)]
)


class TokenRequest(BaseModel):
    """Whom a token is for. Texts that other devices see are plain and short."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, frozen=True, validate_by_alias=True
    )

    user_id: str = Field(min_length=1, max_length=MAX_USER_ID_CHARS, pattern=_PLAIN)
    device_id: str = Field(
        "",
        max_length=MAX_DEVICE_ID_CHARS,
        pattern=_DEVICE,
        description="stable across restarts of the app; left out: a browser tab",
    )
    device_name: str = Field("", max_length=MAX_NAME_CHARS, pattern=_PLAIN)
    platform: str = Field(
        "", max_length=MAX_PLATFORM_CHARS, pattern=_PLAIN, description="ios, macos, web, …"
    )
    rooms: Rooms = Field(
        [],
        description="rooms that it may join and whose members it sees, or of each what it may do: "
        "read (always), write, presence",
    )
    contacts: list[UserId] = Field(
        [],
        max_length=MAX_CONTACTS,
        description="users whose status it may watch, beside those in a common room",
    )
    rights: list[Literal["devices:manage"]] | None = Field(
        None,
        max_length=MAX_RIGHTS,
        description="what it may do for its user; left out: devices:manage, sign out devices",
    )
    ttl: int = Field(DEFAULT_TTL, ge=1, le=2**31, description="seconds that it is valid")


class TokenReply(BaseModel):
    """A device token."""

    token: str
    userId: str
    deviceId: str = Field(description="empty: each connection gets a generated one")
    expiresAt: int = Field(description="milliseconds since the Unix epoch")


_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "A Mac": {
        "userId": "user_123",
        "deviceId": "mac-1",
        "deviceName": "Maya's Mac",
        "platform": "macos",
        "ttl": 3600,
    },
    "A browser tab": {"userId": "user_123", "platform": "web"},
}


def add(app: FastAPI, minter: Minter, admission: Admission) -> None:
    """Add the route to an app, and the public key for those who verify."""

    @app.post(
        "/api/sync/token",
        response_model=TokenReply,
        responses=openapi.problems(*openapi.REFUSALS),
        openapi_extra=openapi.body(TokenRequest.model_json_schema(), _EXAMPLES) | openapi.SECURED,
    )
    async def token(request: Request) -> JSONResponse:
        """Sign a device token. Needs the scope token:mint."""
        admission.admit(request, auth.TOKEN_MINT)
        asked = _parse(requests.fields_of(await requests.read(request)))
        if asked.ttl > minter.max_ttl:
            raise _wrong(f"ttl must be at most {int(minter.max_ttl)} seconds")
        minted = minter.mint(
            user=asked.user_id,
            device=asked.device_id,
            name=asked.device_name,
            platform=asked.platform,
            rooms=asked.rooms,
            contacts=asked.contacts,
            rights=asked.rights,
            ttl=asked.ttl,
        )
        reply = TokenReply(
            token=minted.token,
            userId=asked.user_id,
            deviceId=asked.device_id,
            expiresAt=minted.expires_ms,
        )
        return JSONResponse(reply.model_dump(), headers=_NO_STORE)

    @app.get("/.well-known/jwks.json", responses={200: {"description": "A JSON Web Key Set"}})
    async def jwks() -> dict[str, Any]:
        """Return the public key that verifies device tokens (for KULL_TOKEN_JWKS_URL)."""
        return minter.key.jwks()


def _parse(fields: dict[str, Any]) -> TokenRequest:
    try:
        asked = TokenRequest.model_validate(fields)
        address.user(asked.user_id)
        for room in asked.rooms:
            address.room(room)
        blind = _without_read(asked.rooms)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise _wrong(f"{where}: {first['msg']}") from None
    except InvalidEvent as error:
        raise _wrong(str(error)) from error
    if blind:
        raise _wrong(f"rooms.{blind}: the rights lack {ROOM_READ!r}")
    return asked


def _without_read(rooms: Rooms) -> str:
    rights = rooms if isinstance(rooms, dict) else {}
    return next((room for room, each in rights.items() if ROOM_READ not in each), "")


def _wrong(detail: str) -> BadRequest:
    return BadRequest(f"token: {detail}", HTTPStatus.UNPROCESSABLE_ENTITY)
