"""Signing in at an OpenID provider: where a browser goes, and what it brings back."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from kull_console.access.cookies import Cookie
from kull_console.access.oidc import Provider
from kull_console.access.oidc_flow import MINUTES, Journeys, Rights
from kull_console.access.operators import NotValid
from kull_console.api.sign_in import Doors
from kull_console.errors import ProviderAway

BACK: Final = "/console/api/oidc/callback"
# The session's cookie is sent only when a page of ours leads on: a redirect would still count as
# the provider's.
_ON: Final = '<meta http-equiv="refresh" content="0; url=/console">'
_PAGE: Final = (
    '<!doctype html><html lang="en"><title>Kull console</title>{head}<p>{text}</p>'
    '<p><a href="/console">To the console</a></p></html>'
)


def add(
    app: FastAPI,
    doors: Doors,
    *,
    provider: Provider,
    journeys: Journeys,
    rights: Rights,
    secure: bool,
) -> None:
    """Add the routes to an app."""
    cookie = Cookie(secure, lax=True, purpose="oidc")

    @app.get("/console/api/oidc/start")
    async def start(request: Request) -> Response:
        """Send a browser to the provider."""
        doors.knock(request)
        text, journey = journeys.begin()
        try:
            response: Response = RedirectResponse(await provider.address(journey))
        except ProviderAway as error:
            return _problem(HTTPStatus.BAD_GATEWAY, str(error))
        response.headers.append("Set-Cookie", cookie.set(text, seconds=MINUTES * 60))
        return response

    @app.get(BACK)
    async def callback(
        request: Request,
        code: Annotated[str, Query(max_length=4_096)] = "",
        state: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        """Begin a session for who comes back."""
        try:
            journey = journeys.end(request.cookies.get(cookie.name, ""), state)
            operator = rights.operator(await provider.claims(code, journey))
        except NotValid as error:
            doors.refused(error)
            response: Response = _problem(HTTPStatus.FORBIDDEN, str(error))
        except ProviderAway as error:
            response = _problem(HTTPStatus.BAD_GATEWAY, str(error))
        else:
            response = HTMLResponse(_PAGE.format(head=_ON, text="You are signed in."))
            await doors.open(request, response, operator)
        response.headers.append("Set-Cookie", cookie.clear())
        return response


def _problem(status: HTTPStatus, text: str) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(head="", text=escape(text)), status_code=status)
