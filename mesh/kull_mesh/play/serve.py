"""Runs mesh, services and page until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import random
import secrets as randomness
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uvicorn

from kull_mesh.errors import MeshError
from kull_mesh.play.app import create_app
from kull_mesh.play.business import PACE, Business
from kull_mesh.play.mesh import PlayMesh
from kull_mesh.secrets import Keys

PAGES: Final = Path(__file__).parent / "pages"


def pages() -> Path:
    """Return the folder of the built page. Raises MeshError if it was not built."""
    if not (PAGES / "index.html").is_file():
        raise MeshError(
            "the demo page is not built: run `make web` in a checkout (it needs Node 20.19 and npm)"
        )
    return PAGES


async def serve(*, host: str, port: int, ready: Callable[[str], None], pace: float = PACE) -> None:
    """Serve until cancelled; `ready` gets the page's address. Raises MeshError."""
    folder = pages()
    listener = _listen(host, port)
    keys = Keys(randomness.token_urlsafe(48), randomness.token_urlsafe(48))
    with listener, tempfile.TemporaryDirectory(prefix="kull-play-") as data:
        async with (
            PlayMesh(keys=keys, data=Path(data), host=host) as mesh,
            Business(mesh.publisher, rng=random.Random(), pace=pace) as business,  # noqa: S311
        ):
            # No access log: the page asks every second.
            server = _Server(
                uvicorn.Config(
                    create_app(mesh, business, folder),
                    access_log=False,
                    log_config=None,
                    lifespan="off",
                    timeout_graceful_shutdown=2,
                )
            )
            task = asyncio.create_task(server.serve([listener]), name="page")
            try:
                ready(f"http://{host}:{listener.getsockname()[1]}/")
                await asyncio.shield(task)
            finally:
                server.should_exit = True
                await asyncio.wait({task})


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Leave signals to `kull_mesh.signals`."""


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise MeshError(
            f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}; "
            "choose another port with --port"
        ) from error
    return listener
