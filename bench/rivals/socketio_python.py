"""python-socketio as a rival: see `socketio_server.py`. It promises nothing, and is cheap."""

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
from tests.support.ports import free_port


class PythonSocketIO:
    """See `Rival`. Every server reads every event, whoever is connected to it."""

    promise = "at most once"
    dialect = "socketio"

    def __init__(self, *, servers: int = 1) -> None:
        self.name = f"python-socketio × {servers}"
        self._broker = broker()
        self._ports = [free_port() for _ in range(servers)]
        self._servers: list[Server] = []
        self._stack = ExitStack()

    def start(self) -> None:
        """See `Rival.start`."""
        self._stack.callback(self._broker.close)
        self._broker.start()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-socketio-"))
        module = "bench.rivals.socketio_server"
        for port in self._ports:
            command = [interpreter.path(), "-m", module, self._broker.url, str(port)]
            server = Server(command, port, Path(folder) / f"log-{port}")
            self._stack.callback(server.close)
            self._servers.append(server)

    def close(self) -> None:
        """See `Rival.close`."""
        self._stack.close()

    def roles(self) -> Roles:
        """See `Rival.roles`."""
        pids = [server.pid for server in self._servers]
        return Roles({"broker": [self._broker.pid], "server": pids})

    def urls(self) -> Sequence[str]:
        """See `Rival.urls`."""
        return [f"ws://127.0.0.1:{port}" for port in self._ports]

    def token(self, user: str, device: str) -> str:
        """See `Rival.token`: it has none."""
        return ""

    def outlet(self) -> Callable[[], Outlet]:
        """See `Rival.outlet`: the message is what the manager's own `emit` publishes."""
        route = Route(
            url=self._broker.url, exchange="socketio", key="*", everybody_key="*", socketio=True
        )
        return functools.partial(AmqpOutlet, route)

    def settle(self) -> None:
        """See `Rival.settle`."""
        collect_garbage(self._broker)

    def broker_objects(self) -> int:
        """See `Rival.broker_objects`."""
        return objects(self._broker)
