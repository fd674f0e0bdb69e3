"""The straight way as a rival: see `straight_server.py`."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import interpreter
from bench.cpu import Roles
from bench.load.outlets import AmqpOutlet, Outlet, Route
from bench.rivals.rival import broker, collect_garbage, objects
from bench.rivals.server import Server
from bench.rivals.straight_server import EVERYBODY, EXCHANGE
from tests.support.ports import free_port


class Straight:
    """See `Rival`."""

    name = "the straight way"
    promise = "at least once"
    dialect = "straight"

    def __init__(self) -> None:
        self._broker = broker()
        self._port = free_port()
        self._server: Server | None = None
        self._stack = ExitStack()

    def start(self) -> None:
        """See `Rival.start`."""
        self._stack.callback(self._broker.close)
        self._broker.start()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-straight-"))
        module = "bench.rivals.straight_server"
        command = [interpreter.path(), "-m", module, self._broker.url, str(self._port)]
        self._server = Server(command, self._port, Path(folder) / "log")
        self._stack.callback(self._server.close)

    def close(self) -> None:
        """See `Rival.close`."""
        self._stack.close()

    def roles(self) -> Roles:
        """See `Rival.roles`."""
        assert self._server is not None, "start() comes first"
        return Roles({"broker": [self._broker.pid], "server": [self._server.pid]})

    def urls(self) -> Sequence[str]:
        """See `Rival.urls`."""
        return [f"ws://127.0.0.1:{self._port}"]

    def token(self, user: str, device: str) -> str:
        """See `Rival.token`: it has none."""
        return ""

    def outlet(self) -> Callable[[], Outlet]:
        """See `Rival.outlet`."""
        route = Route(
            url=self._broker.url, exchange=EXCHANGE, key="{user}", everybody_key=EVERYBODY
        )
        return functools.partial(AmqpOutlet, route)

    def settle(self) -> None:
        """See `Rival.settle`."""
        collect_garbage(self._broker)

    def broker_objects(self) -> int:
        """See `Rival.broker_objects`."""
        return objects(self._broker)
