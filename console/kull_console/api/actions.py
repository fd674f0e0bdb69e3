"""What operators do. Each is written down before it is done, and how it ended after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, NoReturn

import structlog
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field

from kull_console.access.operators import Operator
from kull_console.api.gate import Gate
from kull_console.errors import ConsoleError, OutcomeUnknown, Problem, RouterAway
from kull_console.mesh.routers import Routers
from kull_protos.common.measures import Count
from kull_protos.mesh.v1 import admin_pb2 as pb

log = structlog.get_logger(__name__)

MOST: Final = 1_000  # dead letters at once
SHOWN: Final = 3  # of their ids, in the audit log
RESOLVE_SECONDS: Final = 60.0
TWICE: Final = "do it again: twice is as good as once"


class Wanted(BaseModel):
    """Whom or what an action is for."""

    user: str = Field("", max_length=500)
    device: str = Field("", max_length=500)
    ids: list[str] = Field([], max_length=MOST)


class Actions:
    """All that can be done. Each method returns how it ended, in words; raises ConsoleError.

    `new_id` makes ids that nobody has: what bears one is done once, however often it is asked.
    `counted`: what was done.
    """

    def __init__(self, routers: Routers, *, new_id: Callable[[], str], counted: Count) -> None:
        self._routers = routers
        self._counted = counted
        self._new_id = new_id
        self._table: dict[str, Callable[[Wanted], Awaitable[str]]] = {
            "sign-out-device": self._sign_out_device,
            "disconnect": self._disconnect,
            "revoke": self._revoke,
            "forget-device": self._forget_device,
            "test-event": self._test_event,
            "republish": self._republish,
            "discard": self._discard,
        }

    async def run(self, operator: Operator, name: str, wanted: Wanted) -> str:
        """Do one thing. Raises Problem for an unknown or unclear one, and RouterAway."""
        act = self._table.get(name)
        if act is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"there is no action {name!r}")
        _check(name, wanted)
        target = _target(wanted)
        number = await self._note(operator, name, target)
        try:
            result = await act(wanted)
        except OutcomeUnknown as error:
            await self._finish(number, f"not known: {error}")
            raise
        except BaseException as error:
            await self._finish(number, f"failed: {error or type(error).__name__}")
            raise
        self._counted.value += 1
        log.info("operator_acted", operator=operator.id, action=name, target=target, result=result)
        await self._finish(number, result)
        return result

    async def note_sign_in(self, operator: Operator) -> None:
        """Write down that somebody has signed in; where no router answers, the log has it alone."""
        request = pb.NoteActionRequest(
            operator=_who(operator),
            name="sign-in",
            target="the console",
            result="signed in",
            key=self._new_id(),
        )
        try:
            await self._routers.any("NoteAction", request)
        except ConsoleError as error:
            log.warning("not_written_down", action="sign-in", why=str(error))

    async def _note(self, operator: Operator, name: str, target: str) -> int:
        request = pb.NoteActionRequest(
            operator=_who(operator), name=name, target=target, key=self._new_id()
        )
        try:
            answer = await self._routers.any("NoteAction", request)
        except RouterAway as error:
            text = f"nothing was done, as it cannot be written down: {error}"
            raise RouterAway(text) from error
        return int(answer.number)

    async def _finish(self, number: int, result: str) -> None:
        request = pb.NoteActionRequest(number=number, result=result)
        try:
            await self._routers.any("NoteAction", request)
        except ConsoleError as error:
            log.warning("not_written_down", number=number, result=result, why=str(error))

    async def _sign_out_device(self, wanted: Wanted) -> str:
        """Take its tokens back, close its session, forget it: it has to log in again."""
        request = pb.SignOutDeviceRequest(user_id=wanted.user, device_id=wanted.device)
        try:
            closed = (await self._routers.any("SignOutDevice", request)).sessions
        except OutcomeUnknown as error:
            _not_known(error, TWICE)
        return f"its tokens are revoked, {_sessions(closed)} closed, and it is forgotten"

    async def _disconnect(self, wanted: Wanted) -> str:
        request = pb.DisconnectRequest(user_id=wanted.user, device_id=wanted.device)
        closed = sum(each.sessions for each in await self._routers.all("Disconnect", request))
        return f"{_sessions(closed)} closed"

    async def _revoke(self, wanted: Wanted) -> str:
        request = pb.RevokeRequest(user_id=wanted.user, device_id=wanted.device)
        try:
            closed = (await self._routers.any("Revoke", request)).sessions
        except OutcomeUnknown as error:
            _not_known(error, TWICE)
        return f"tokens are revoked; {_sessions(closed)} closed at once, others follow"

    async def _forget_device(self, wanted: Wanted) -> str:
        return f"it is forgotten, {_sessions(await self._forget(wanted))} closed"

    async def _forget(self, wanted: Wanted) -> int:
        request = pb.ForgetDeviceRequest(user_id=wanted.user, device_id=wanted.device)
        return sum(each.sessions for each in await self._routers.all("ForgetDevice", request))

    async def _test_event(self, wanted: Wanted) -> str:
        event_id = self._new_id()
        request = pb.SendTestEventRequest(user_id=wanted.user, event_id=event_id)
        try:
            return f"sent {(await self._routers.any('SendTestEvent', request)).event_id}"
        except OutcomeUnknown as error:
            _not_known(error, f"look at the page Event for {event_id}")

    async def _republish(self, wanted: Wanted) -> str:
        return await self._resolve(wanted, republish=True)

    async def _discard(self, wanted: Wanted) -> str:
        return await self._resolve(wanted, republish=False)

    async def _resolve(self, wanted: Wanted, *, republish: bool) -> str:
        request = pb.ResolveDeadLettersRequest(ids=wanted.ids, republish=republish)
        try:
            answer = await self._routers.once(
                "ResolveDeadLetters", request, deadline=RESOLVE_SECONDS
            )
        except OutcomeUnknown as error:
            _not_known(error, "look at the page Trouble which of them are still there")
        done = f"{answer.resolved} {'published again' if republish else 'discarded'}"
        failed = list(dict(answer.failed).values())
        if not failed:
            return done
        return f"{done}, {len(failed)} not: {failed[0]}"


def add(app: FastAPI, actions: Actions, gate: Gate) -> None:
    """Add the route to an app."""

    @app.post("/console/api/actions/{name}")
    async def act(name: str, wanted: Wanted, request: Request) -> dict[str, Any]:
        """Do one thing."""
        return {"result": await actions.run(gate.actor(request), name, wanted)}


def _check(name: str, wanted: Wanted) -> None:
    if name in {"republish", "discard"}:
        missing = "" if wanted.ids else "ids"
    elif name in {"sign-out-device", "forget-device"}:
        missing = "" if wanted.user and wanted.device else "user and device"
    else:
        missing = "" if wanted.user else "user"
    if missing:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} needs {missing}")


def _target(wanted: Wanted) -> str:
    if wanted.ids:
        more = ", …" if len(wanted.ids) > SHOWN else ""
        return f"{len(wanted.ids)} dead letters: {', '.join(wanted.ids[:SHOWN])}{more}"
    return f"{wanted.user}, device {wanted.device}" if wanted.device else wanted.user


def _not_known(error: OutcomeUnknown, what_next: str) -> NoReturn:
    raise OutcomeUnknown(f"whether it was done is not known, {what_next} ({error})") from error


def _who(operator: Operator) -> str:
    # The id first: a long name, or one that imitates another, must not hide it.
    return f"{operator.id} ({operator.name})"


def _sessions(count: int) -> str:
    return "1 session" if count == 1 else f"{count} sessions"
