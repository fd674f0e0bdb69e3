"""Signing in with a key, and out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field

from kull_console.access.cookies import Cookie
from kull_console.access.operators import NotValid, Operator, Operators
from kull_console.access.sessions import Session, Sessions
from kull_console.api.actions import Actions
from kull_console.api.gate import Gate
from kull_console.errors import Problem
from kull_protos.common.address_rates import AddressRates
from kull_protos.common.client_address import Network
from kull_protos.common.measures import Counts
from kull_protos.common.rates import Bucket

log = structlog.get_logger(__name__)

PER_ADDRESS: Final = (0.5, 30.0)  # attempts a second, and at once; of each known key beside it
ALL: Final = (5.0, 100.0)  # of known keys, and the same of all else


class KeySignIn(BaseModel):
    """A key of `kull keys`."""

    key: str = Field(max_length=200)


class Doors:
    """Begins and ends sessions; attempts are limited, for each address and on the whole.

    Whoever shows a key that exists, right or wrong, has attempts of its own: what others try, also
    behind the same proxy, keeps no operator out.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        gate: Gate,
        cookie: Cookie,
        actions: Actions,
        clock: Callable[[], float],
        longest: float,
        proxies: Sequence[Network],
        counted: Counts,
    ) -> None:
        """`counted`: by outcome, see `measures.SIGN_INS`."""
        self._counted = counted
        self._sessions, self._gate, self._cookie = sessions, gate, cookie
        self._actions = actions
        self._clock = clock
        self._longest = longest
        rate, burst = PER_ADDRESS
        self._by_address = AddressRates(rate=rate, burst=burst, trusted=proxies)
        self._of_known, self._of_others = (Bucket(rate=ALL[0], burst=ALL[1]) for _ in range(2))

    def knock(self, request: Request, key_id: str = "") -> None:
        """Count an attempt; `key_id`: of the known key that is shown. Problem: too many."""
        now = self._clock()
        peer = request.client.host if request.client else ""
        forwarded = request.headers.getlist("x-forwarded-for")
        everybody = self._of_known if key_id else self._of_others
        wait = self._by_address.take(peer, forwarded, now, of=key_id) or everybody.take(1, now)
        if wait:
            self._counted.add("limited")
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"too many attempts to sign in: wait {wait:.0f} s",
                wait=wait,
            )

    async def open(self, request: Request, response: Response, operator: Operator) -> Session:
        """Begin a session of its own for who has shown who they are."""
        text, session = self._sessions.begin(operator, instead_of=self._gate.shown(request))
        response.headers.append("Set-Cookie", self._cookie.set(text, seconds=self._longest))
        log.info("operator_signed_in", operator=operator.id)
        self._counted.add("signed_in")
        await self._actions.note_sign_in(operator)
        return session

    def refused(self, error: NotValid) -> None:
        """Somebody has shown what is not valid here."""
        log.warning("sign_in_refused", why=str(error))
        self._counted.add("refused")

    def close(self, request: Request, response: Response) -> None:
        """End the session of a request."""
        self._sessions.end(self._gate.shown(request))
        response.headers.append("Set-Cookie", self._cookie.clear())


def add(app: FastAPI, doors: Doors, gate: Gate, operators: Operators, *, oidc: bool) -> None:
    """Add the routes to an app."""

    @app.get("/console/api/me")
    async def me(request: Request) -> dict[str, Any]:
        """Tell a page who uses it, and how one signs in."""
        ways = {"key": operators.any, "oidc": oidc}
        session = gate.find(request)
        return {"ways": ways, "me": told(session) if session else None}

    @app.post("/console/api/sign-in")
    async def sign_in(wanted: KeySignIn, request: Request, response: Response) -> dict[str, Any]:
        """Begin a session with a key."""
        doors.knock(request, operators.claimed(wanted.key))
        try:
            operator = operators.by_key(wanted.key)
        except NotValid as error:
            doors.refused(error)
            raise Problem(HTTPStatus.UNAUTHORIZED, str(error)) from None
        return {"me": told(await doors.open(request, response, operator))}

    @app.post("/console/api/sign-out")
    async def sign_out(request: Request, response: Response) -> dict[str, Any]:
        """End the session."""
        gate.reader(request)
        doors.close(request, response)
        return {"me": None}


def told(session: Session) -> dict[str, Any]:
    """Return what a page may know of its session."""
    operator = session.operator
    return {
        "id": operator.id,
        "name": operator.name,
        "mayAct": operator.may_act,
        "csrf": session.csrf,
    }
