"""The demo page: where its files are, and the routes that serve them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from kull_mesh.errors import MeshError
from kull_protos.common.security_headers import CONNECT

PAGES: Final = Path(__file__).parent / "pages"
# It loads its own files alone, and frames itself: the phone beside the browser.
POLICY: Final = (
    f"default-src 'self'; img-src 'self' data:; {CONNECT}; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'self'"
)
ADDRESSES: Final = ("/", "/together", "/prompts", "/settings", "/shoots/{shoot_id}")


def built() -> Path | None:
    """Return the folder of the built page, None if it was not built."""
    return PAGES if (PAGES / "index.html").is_file() else None


def folder() -> Path:
    """Return the folder of the built page. Raises MeshError if it was not built."""
    found = built()
    if found is None:
        raise MeshError(
            "the page is not built: run `make page` in a checkout (it needs Node 20.19 and npm)"
        )
    return found


def add(app: FastAPI, files: Path, *, demo: bool = False, edges: Sequence[str] = ()) -> None:
    """Let an app serve the page from the folder `files`.

    Args:
        app: the page's origin.
        files: see `folder`.
        demo: the app also plays Kull's services, and can be broken; else the page asks for a token.
        edges: where it connects to; none: to `/ws` of its own origin.
    """
    index = files / "index.html"
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
    app.mount("/assets", StaticFiles(directory=files / "assets"))

    @app.get("/api/page", include_in_schema=False)
    async def about() -> dict[str, object]:
        """Tell the page where it is."""
        return {"demo": demo, "edges": list(edges)}

    async def page() -> FileResponse:
        """Serve the page for each of its addresses; it decides itself what to show."""
        return FileResponse(index, headers=headers)

    for address in ADDRESSES:
        app.add_api_route(address, page, include_in_schema=False)
