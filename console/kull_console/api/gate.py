"""Who asks, and whether they may: looked at anew with every request."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi import Request

from kull_console.access.cookies import CSRF_HEADER, Cookie
from kull_console.access.operators import Operator, Operators
from kull_console.access.sessions import Session, Sessions
from kull_console.errors import Problem

SAFE: Final = ("GET", "HEAD")


class Gate:
    """Lets operators in who have signed in, for what they may."""

    def __init__(self, sessions: Sessions, operators: Operators, cookie: Cookie) -> None:
        self._sessions = sessions
        self._operators = operators
        self._cookie = cookie

    def find(self, request: Request, *, use: bool = True) -> Session | None:
        """Return the session of a request, None if nobody has signed in, or may no more."""
        text = self.shown(request)
        session = self._sessions.find(text, use=use) if text else None
        if session and session.operator.by_key and not self._operators.still(session.operator):
            self._sessions.end(text)
            return None
        return session

    def reader(self, request: Request) -> Operator:
        """Return who looks. Raises Problem: nobody has signed in, or the request is forged."""
        session = self.find(request)
        if session is None:
            raise Problem(HTTPStatus.UNAUTHORIZED, "sign in first")
        if request.method not in SAFE and not session.accepts(request.headers.get(CSRF_HEADER, "")):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                f"the header {CSRF_HEADER} is not that of your page: load the page again",
            )
        return session.operator

    def actor(self, request: Request) -> Operator:
        """Return who acts. Raises Problem like `reader`, or: they may look only."""
        operator = self.reader(request)
        if not operator.may_act:
            raise Problem(
                HTTPStatus.FORBIDDEN, "you may look, not act: that takes the scope console:act"
            )
        return operator

    def shown(self, request: Request) -> str:
        """Return the cookie of a request, empty if there is none."""
        return request.cookies.get(self._cookie.name, "")
