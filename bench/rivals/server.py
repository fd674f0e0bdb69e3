"""A server process of a rival."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench import interpreter

START_WITHIN = 60.0  # seconds


class Server:
    """A command that listens on a port of the loopback interface; its output goes to `log`."""

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self._log = log
        env = {**os.environ, **interpreter.environment()}  # in case it is in Python
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=env
            )
        self._wait(port)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def close(self) -> None:
        """Kill it; the bench wants nothing of it any more. Idempotent."""
        self._process.kill()
        self._process.wait()

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + START_WITHIN
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.close()
                    raise RuntimeError(
                        f"{self._process.args!r} does not serve:\n{self._log.read_text()[-3000:]}"
                    ) from None
                time.sleep(0.05)
            else:
                return
