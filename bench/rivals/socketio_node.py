"""Socket.IO on Node, its servers tied by Redis streams: see `node/server.js`."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.cpu import Roles
from bench.load.outlets import Outlet
from bench.load.redis_outlet import RedisOutlet
from bench.rivals import redis
from bench.rivals.server import Server
from tests.support.ports import free_port

FOLDER: Final = Path(__file__).parent / "node"


class NodeSocketIO:
    """See `Rival`. Redis keeps the stream in memory, as its package is configured."""

    name = "Socket.IO on Node"
    promise = "at most once; a lost connection of up to 2 minutes is made good"
    dialect = "socketio"

    def __init__(self) -> None:
        self._port, self._redis_port = free_port(), free_port()
        self._redis: Server | None = None
        self._node: Server | None = None
        self._stack = ExitStack()

    def start(self) -> None:
        """See `Rival.start`. Raises CalledProcessError when its npm packages cannot be had."""
        if not (FOLDER / "node_modules").exists():
            subprocess.run(["npm", "ci", "--silent"], cwd=FOLDER, check=True)  # noqa: S607
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-node-")))
        self._redis = redis.start(self._redis_port, folder)
        self._stack.callback(self._redis.close)
        node = ["node", str(FOLDER / "server.js"), str(self._port), str(self._redis_port)]
        self._node = Server(node, self._port, folder / "node.log")
        self._stack.callback(self._node.close)

    def close(self) -> None:
        """See `Rival.close`."""
        self._stack.close()

    def roles(self) -> Roles:
        """See `Rival.roles`; Redis is the broker here."""
        assert self._redis is not None and self._node is not None, "start() comes first"
        return Roles({"broker": [self._redis.pid], "server": [self._node.pid]})

    def urls(self) -> Sequence[str]:
        """See `Rival.urls`."""
        return [f"ws://127.0.0.1:{self._port}"]

    def token(self, user: str, device: str) -> str:
        """See `Rival.token`: it has none."""
        return ""

    def outlet(self) -> Callable[[], Outlet]:
        """See `Rival.outlet`."""
        return functools.partial(RedisOutlet, self._redis_port)

    def settle(self) -> None:
        """See `Rival.settle`: nothing to do."""

    def broker_objects(self) -> int:
        """See `Rival.broker_objects`: Redis has neither queues nor bindings."""
        return 0
