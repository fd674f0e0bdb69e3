"""The process that publishes, seen from the campaign."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.ledger import Ledger

ROOT = Path(__file__).parents[2]
STOPPED_WITHIN = 90.0  # seconds


class Producer:
    """Starts `tests.chaos.service`, and notes in the ledger what its outbox has accepted.

    A killed one is started again on the same outbox. It goes on after the last number that it
    could tell: the next one may be in the outbox already, and then is published twice under one id.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        users: Sequence[str],
        amqp_url: str,
        folder: Path,
        interval: float,
    ) -> None:
        self.started: dict[str, int] = dict.fromkeys(users, 0)  # the last number begun
        self._ledger = ledger
        self._log = folder / "producer.log"
        self._command = ["-m", "tests.chaos.service", amqp_url, str(folder / "outbox.db")]
        self._command += ["--interval", str(interval)]
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the process and return once it publishes."""
        begun = asyncio.Event()
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
            )
        self._reading = asyncio.create_task(self._read(self._process, begun), name="producer")
        assert self._process.stdin is not None
        reached = {user: self._ledger.confirmed[user] for user in self.started}
        self._process.stdin.write(json.dumps(reached).encode() + b"\n")
        await begun.wait()

    async def kill(self) -> None:
        """Kill the process, if it runs, and read what it could still tell."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Let it publish what its outbox holds. Raises RuntimeError when it cannot."""
        if await self._end(signal.SIGTERM):
            raise RuntimeError(f"the producer failed:\n{self._log.read_text()[-2000:]}")

    async def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None or self._reading is None:
            return 0
        if process.returncode is None:
            process.send_signal(how)
        async with asyncio.timeout(STOPPED_WITHIN):
            await self._reading
            return await process.wait()

    async def _read(self, process: asyncio.subprocess.Process, begun: asyncio.Event) -> None:
        assert process.stdout is not None
        while (line := await process.stdout.readline()).endswith(b"\n"):
            what, user, number = line.decode().split()
            if what == ">":
                self.started[user] = int(number)
            else:
                self._ledger.confirm(user, int(number))
            begun.set()
        begun.set()  # it has ended, whoever waits must not wait for ever
