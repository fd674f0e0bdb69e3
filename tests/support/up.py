"""`kull up` as a real process, and the `kull` tools beside it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from tests.support.http import ask
from tests.support.ports import free_port
from tests.support.processes import Processes

KULL = [sys.executable, "-m", "kull_mesh"]
SECONDS = 30


class Up:
    """A running `kull up`."""

    def __init__(
        self,
        home: Path,
        *options: str,
        port: int | None = None,
        stderr: IO[str] | None = None,
        **env: str,
    ) -> None:
        self.home = home
        self.port = port or free_port()
        self.env = {**os.environ, "KULL_HOME": str(home), **env}
        self.log = home / "up.log"
        self._processes = Processes()
        command = [*KULL, "up", "--port", str(self.port), "--data", str(home / "data"), *options]
        with self.log.open("ab") as log:
            self.process: subprocess.Popen[str] = self._processes.start(
                *command, env=self.env, stdout=subprocess.PIPE, stderr=stderr or log, text=True
            )

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def ready_line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        return line

    def kull(self, *arguments: str) -> str:
        result = subprocess.run(
            [*KULL, *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def listen(
        self, token: str, *options: str, owner: Processes | None = None
    ) -> subprocess.Popen[str]:
        """Start a listener and wait until it is connected. It ends with us, or with its owner."""
        process: subprocess.Popen[str] = (owner or self._processes).start(
            *(*KULL, "listen", "--url", self.ws, "--token", token, "--json", *options),
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + SECONDS
        before = self.sessions()
        while self.sessions() <= before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return process

    def sessions(self) -> int:
        return int(json.loads(ask(f"{self.http}/api/sync/status").body)["sessions"])

    def credit(self, user: str, balance: int, *more: str) -> str:
        return self.kull(
            *shlex.split(f"send credit-update --user {user} --new-balance {balance} --change 100"),
            *("--reason", "Credit purchase", "--url", self.http),
            *more,
        ).strip()

    def stop(self) -> int:
        """Send SIGTERM and return the exit code, which must come within 10 s. Idempotent."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        finally:
            self._processes.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()


@contextmanager
def running(home: Path, *options: str, port: int | None = None, **env: str) -> Iterator[Up]:
    with Up(home, *options, port=port, stderr=None, **env) as up:
        up.ready_line()
        yield up
        up.stop()
