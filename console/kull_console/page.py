"""The console's page: where its files are, and the routes that serve them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

PAGES: Final = Path(__file__).parent / "pages"
# It loads its own files alone, talks to its own host alone, and nobody frames it.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
ADDRESSES: Final = ("", "/people", "/event", "/trouble", "/rooms", "/actions")


def built() -> Path | None:
    """Return the folder of the built page, None if it was not built."""
    return PAGES if (PAGES / "index.html").is_file() else None


def add(app: FastAPI, files: Path | None) -> None:
    """Let an app serve the page from the folder `files`; None: only what the page would ask for."""

    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse("/console")

    if files is None:
        return
    index = files / "index.html"
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
    app.mount("/console/assets", StaticFiles(directory=files / "assets"))

    async def page() -> FileResponse:
        """Serve the page for each of its addresses; it decides itself what to show."""
        return FileResponse(index, headers=headers)

    for address in ADDRESSES:
        app.add_api_route(f"/console{address}", page, include_in_schema=False)
