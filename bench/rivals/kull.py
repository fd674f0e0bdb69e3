"""Kull Sync: RabbitMQ, routers, edges, and a store. Settings are those of production."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import interpreter
from bench.cpu import Roles
from bench.earlier import Earlier
from bench.load.outlets import AmqpOutlet, Outlet, Route
from bench.rivals.rival import DAY, broker, collect_garbage, objects
from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from tests.support.device import token
from tests.support.load.rolling import PRODUCTION
from tests.support.mesh import Mesh
from tests.support.postgres import Postgres


class Kull:
    """See `Rival`. With `postgres` the store is a PostgreSQL server, else a SQLite file.

    `earlier`: another state of this repository whose code the mesh runs.
    """

    dialect = "kull"
    promise = "at least once, in order"

    def __init__(
        self,
        *,
        postgres: bool = False,
        edges: int = 1,
        routers: int = 1,
        earlier: Earlier | None = None,
    ) -> None:
        parts = ["PostgreSQL" if postgres else "SQLite"]
        parts += [f"{edges} edges"] if edges > 1 else []
        parts += [f"{routers} routers"] if routers > 1 else []
        parts += [earlier.name] if earlier else []
        self.name = f"Kull ({', '.join(parts)})"
        packages = earlier.packages if earlier else []
        self._settings = PRODUCTION | interpreter.environment(packages)
        self._edges, self._routers = edges, routers
        self._broker = broker()
        self._database = Postgres() if postgres else None
        self._mesh: Mesh | None = None
        self._stack = ExitStack()

    def start(self) -> None:
        """See `Rival.start`."""
        self._stack.callback(self._broker.close)
        self._broker.start()
        if self._database is not None:
            self._stack.callback(self._database.close)
            self._database.start()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-bench-")))
        self._mesh = Mesh(
            self._broker.url,
            folder,
            edges=1,
            workers=self._edges,
            routers=self._routers,
            database_url=self._database.url if self._database else "",
            python=interpreter.path(),
            **{"KULL_LOG_LEVEL": "warning", **self._settings},
        )
        for number, process in enumerate(self._mesh.routers):
            process.env["KULL_PREFERRED_SHARDS"] = _share(number, self._routers)
        self._stack.callback(self._mesh.stop)
        self._mesh.start()

    def close(self) -> None:
        """See `Rival.close`."""
        self._stack.close()

    def roles(self) -> Roles:
        """See `Rival.roles`."""
        mesh = self._running()
        pids = {
            "broker": [self._broker.pid],
            "router": [process.pid for process in mesh.routers],
            "edge": [process.pid for process in mesh.edges],
        }
        return Roles(pids | ({"database": [self._database.pid]} if self._database else {}))

    def urls(self) -> Sequence[str]:
        """See `Rival.urls`."""
        return [f"ws://127.0.0.1:{port}" for port in self._running().ports]

    def token(self, user: str, device: str) -> str:
        """See `Rival.token`."""
        return token(user, device, ttl=DAY)

    def outlet(self) -> Callable[[], Outlet]:
        """See `Rival.outlet`."""
        return functools.partial(AmqpOutlet, Route(url=self._broker.url))

    def settle(self) -> None:
        """See `Rival.settle`."""
        collect_garbage(self._broker)

    def broker_objects(self) -> int:
        """See `Rival.broker_objects`."""
        return objects(self._broker)

    def _running(self) -> Mesh:
        assert self._mesh is not None, "start() comes first"
        return self._mesh


def _share(number: int, routers: int) -> str:
    """Return the shards that one of several routers serves, as a setting."""
    return ",".join(map(str, range(number, DEFAULT_SHARD_COUNT, routers)))
