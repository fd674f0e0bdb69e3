"""Centrifugo, a server of channels in Go: history and recovery, in memory or in Redis.

It runs where KULL_BENCH_CENTRIFUGO names its program; the bench does not build it.
"""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench.cpu import Roles
from bench.load.centrifugo_outlet import CentrifugoOutlet
from bench.load.dialects import CENTRIFUGO_ALL, CENTRIFUGO_USERS
from bench.load.outlets import Outlet
from bench.rivals import redis
from bench.rivals.rival import DAY
from bench.rivals.server import Server
from tests.support.device import SECRET, token
from tests.support.ports import free_port

VARIABLE: Final = "KULL_BENCH_CENTRIFUGO"
KEY: Final = "bench"  # of the HTTP API
# As many events as a channel keeps, and for how long: more than any load of ours leaves waiting.
HISTORY: Final = {"history_size": 100, "history_ttl": "300s"}
RECOVERY: Final = {"force_positioning": True, "force_recovery": True}


def binary() -> Path | None:
    """Return the program, if one is named. Raises FileNotFoundError when it is not there."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    if not Path(named).is_file():
        raise FileNotFoundError(f"{VARIABLE}={named} is no file")
    return Path(named).absolute()


class Centrifugo:
    """See `Rival`. A channel for each user, who alone may subscribe to it, and one for everybody.

    `on_redis`: the engine is Redis, else the server's own memory. `batches`: what the publisher has
    at once goes into one request of its HTTP API, else each event is a request.
    """

    promise = "at most once; a lost connection is made good from 100 events of 5 minutes"
    dialect = "centrifugo"

    def __init__(self, *, on_redis: bool = False, batches: bool = False) -> None:
        engine, way = "Redis" if on_redis else "memory", "batches" if batches else "one by one"
        self.name = f"Centrifugo ({engine}, {way})"
        self._batches = batches
        self._port = free_port()
        self._redis_port = free_port() if on_redis else 0
        self._pids: dict[str, list[int]] = {}
        self._stack = ExitStack()

    def start(self) -> None:
        """See `Rival.start`. Raises FileNotFoundError when there is no program."""
        program = binary()
        if program is None:
            raise FileNotFoundError(f"{VARIABLE} names no centrifugo")
        prefix = "kull-centrifugo-"
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        if self._redis_port:
            memory = redis.start(self._redis_port, folder)
            self._stack.callback(memory.close)
            self._pids["broker"] = [memory.pid]
        config = folder / "config.json"
        config.write_text(json.dumps(configuration(self._port, self._redis_port)))
        command = [str(program), "--config", str(config)]
        server = Server(command, self._port, folder / "centrifugo.log")
        self._stack.callback(server.close)
        self._pids["server"] = [server.pid]

    def close(self) -> None:
        """See `Rival.close`."""
        self._stack.close()

    def roles(self) -> Roles:
        """See `Rival.roles`; Redis is the broker here."""
        return Roles(self._pids)

    def urls(self) -> Sequence[str]:
        """See `Rival.urls`."""
        return [f"ws://127.0.0.1:{self._port}"]

    def token(self, user: str, device: str) -> str:
        """See `Rival.token`: it verifies one per connection, as we do."""
        return token(user, ttl=DAY)

    def outlet(self) -> Callable[[], Outlet]:
        """See `Rival.outlet`."""
        return functools.partial(CentrifugoOutlet, self._port, KEY, batches=self._batches)

    def settle(self) -> None:
        """See `Rival.settle`: nothing to do."""

    def broker_objects(self) -> int:
        """See `Rival.broker_objects`: it has neither queues nor bindings."""
        return 0


def configuration(port: int, redis_port: int) -> dict[str, Any]:
    """Return the settings of a server; without a port of Redis its engine is its memory. PURE."""
    engine: dict[str, Any] = {"type": "memory"}
    if redis_port:
        engine = {"type": "redis", "redis": {"address": f"redis://127.0.0.1:{redis_port}"}}
    users = {"name": CENTRIFUGO_USERS, "allow_user_limited_channels": True}
    everybody = {"name": CENTRIFUGO_ALL, "allow_subscribe_for_client": True}
    return {
        "http_server": {"address": "127.0.0.1", "port": port},
        "log": {"level": "warn"},
        "usage_stats": {"disabled": True},
        "client": {"token": {"hmac_secret_key": SECRET}},
        "http_api": {"key": KEY},
        "engine": engine,
        "channel": {"namespaces": [each | HISTORY | RECOVERY for each in (users, everybody)]},
    }
