"""Devices: the real SDK, and clients of the plain dialect, with an application that takes time."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from kull_client import SyncClient
from kull_client.backoff import full_jitter
from kull_client.errors import NotConnected, Rejected, SyncClosed
from kull_client.event import RECOVERY_LOST, Position
from kull_client.reconnect import BASE, CAP
from tests.simulation.ledger import Book, Ledger
from tests.simulation.loop import Process
from tests.simulation.network import End, Lost, Network
from tests.simulation.sockets import (
    BALANCER,
    FRAME,
    Balancer,
    Closing,
    Frame,
    Hello,
    PingFrame,
    Pong,
    Text,
)
from tests.support.schema import checked

REPLACED: Final = 4503
SOCKET_KEEPALIVE: Final = 40.0  # seconds without anything before a plain client connects anew


class LoginDown(Exception):
    """An application's own error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a device is like. `remembers`: it stores its position, and tells it after a restart."""

    user: str
    name: str
    v2: bool = True
    tab: bool = False
    remembers: bool = False

    @property
    def token(self) -> str:
        return self.user if self.tab else f"{self.user}:{self.name}"


class Device:
    """One device by name: processes come and go. The newest process is the device."""

    def __init__(
        self, kind: Kind, *, ledger: Ledger, net: Network, balancer: Balancer, rng: random.Random
    ) -> None:
        self.kind = kind
        self.name = f"{kind.user}/{kind.name}"
        self.book = ledger.device(
            Book(
                name=self.name,
                user=kind.user,
                v2=kind.v2,
                tab=kind.tab,
                ids=[] if kind.tab else [kind.name],
            )
        )
        self.process = Process(self.name)
        self._connected: set[Process] = set()
        self.pause = 0.0  # seconds that the application needs for an event
        self.login: Literal["answers", "fails", "hangs"] = "answers"
        self.client: SyncClient | None = None
        self._ledger, self._net, self._balancer, self._rng = ledger, net, balancer, rng
        self._stored = Position()  # what the application keeps over restarts
        self._leaving = asyncio.Event()
        self._lives: list[Process] = []

    @property
    def connected(self) -> bool:
        return self.process in self._connected

    def _note(self, process: Process, *, connected: bool) -> None:
        (self._connected.add if connected else self._connected.discard)(process)

    def start(self) -> Process:
        """Start a process; an older one that still runs goes on as well."""
        process = self.process = Process(self.name)
        self._leaving = asyncio.Event()
        if self.kind.tab:  # a tab that was closed does not come back: this is another one
            self.book.ids, self.book.since = [], {}
        self._lives = [life for life in self._lives if not life.dead] + [process]
        run = self._run_v2 if self.kind.v2 else self._run_plain
        process.start(run(process, self._leaving), "application")
        return process

    def leave(self) -> None:
        """Let the newest process close its connection in order and end."""
        self._leaving.set()

    # The SDK

    async def _run_v2(self, process: Process, leaving: asyncio.Event) -> None:
        BALANCER.set((self._balancer, process))
        client = SyncClient(
            "ws://balancer/ws",
            self._token,
            position=self._stored if self.kind.remembers else None,
            max_attempts=None,
            on_state=lambda _state: self._changed(process, client),
            random=self._rng.random,
        )
        self.client = client
        try:
            async with client:
                reading = asyncio.create_task(
                    self._read(process, client), name=f"{self.name} reads"
                )
                ending = asyncio.create_task(leaving.wait(), name=f"{self.name} leaves")
                await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
                ending.cancel()
                if reading.done():
                    reading.result()
                reading.cancel()
                await asyncio.wait({reading})
        except SyncClosed as closed:
            self._was_closed(process, closed)

    async def _token(self) -> str:
        """What the application's login service answers, if it does."""
        match self.login:
            case "hangs":
                await asyncio.Event().wait()
            case "fails":
                raise LoginDown
        return self.kind.token

    def _changed(self, process: Process, client: SyncClient) -> None:
        self._note(process, connected=client.connected)
        if process is not self.process:
            return
        if client.device_id and client.device_id not in self.book.ids:
            self.book.ids.append(client.device_id)

    def _was_closed(self, process: Process, closed: SyncClosed) -> None:
        """A process was told to stop: the device belongs to another one now."""
        self._lives.remove(process)
        if closed.code != REPLACED or not self._lives:
            self._ledger.blame(f"{self.name} was closed for good, without another: {closed}")
        elif process is self.process:
            self.process = self._lives[-1]

    async def _read(self, process: Process, client: SyncClient) -> None:
        async for event in client:
            if event.type == RECOVERY_LOST:
                self._ledger.lose(self.book, process, event.data["queue"], event.data["head"])
            elif event.seq is not None:
                self._ledger.deliver(self.book, process, event.queue, event.seq, event.id)
                self._store(client.position.epoch, event.queue, event.seq)
            if self.pause:
                await asyncio.sleep(self._rng.uniform(0, 2 * self.pause))

    def _store(self, epoch: str, queue: str, seq: int) -> None:
        """Keep the position together with what the event did, before it is acknowledged."""
        after = dict(self._stored.after)
        after[queue] = max(seq, after.get(queue, 0))
        self._stored = Position(epoch=epoch, after=after)

    async def tell(self, shoot: str, done: int) -> None:
        """Tell the user's other devices how far a shoot is, as an application might."""
        if self.client is None or not self.connected:
            return
        with suppress(NotConnected, Rejected, TimeoutError):
            event_id = await self.client.update_progress(
                shoot_id=shoot,
                status="processing",
                processed_count=done,
                total_count=1000,
                provider="Device",
            )
            self._ledger.confirm(f"user:{self.kind.user}", event_id)

    # The plain dialect

    async def _run_plain(self, process: Process, leaving: asyncio.Event) -> None:
        attempt = 0
        while not leaving.is_set():
            attempt += 1
            with suppress(OSError, Lost, TimeoutError):
                end = await self._balancer.connect(process)
                end.post(Hello(False, self.kind.token), FRAME)
                try:
                    if await self._serve_plain(process, end, leaving):
                        return
                    attempt = 0
                finally:
                    end.close()
                    self._note(process, connected=False)
            await asyncio.sleep(full_jitter(attempt, random=self._rng.random, base=BASE, cap=CAP))

    async def _serve_plain(self, process: Process, end: End, leaving: asyncio.Event) -> bool:
        """Return whether this was the last connection."""
        while not leaving.is_set():
            frame: Frame
            async with asyncio.timeout(SOCKET_KEEPALIVE):
                frame = await end.receive()
            match frame:
                case Text(text):
                    self._plain_frame(process, checked(json.loads(text)))
                    if self.pause:
                        await asyncio.sleep(self._rng.uniform(0, 2 * self.pause))
                case PingFrame(payload):
                    end.post(Pong(payload), FRAME)
                case Closing(code, reason):
                    # A plain client names no run: its own held up connection may have done this.
                    if code == REPLACED and len(self._lives) == 1:
                        return False
                    if code >= 4500:
                        self._was_closed(process, SyncClosed(code, reason))
                        return True
                    return False
        return True

    def _plain_frame(self, process: Process, frame: dict[str, Any]) -> None:
        if frame["type"] == "WELCOME":
            self._note(process, connected=True)
            queue = frame["data"]["queue"]
            if not queue["recovered"]:
                self._ledger.lose(self.book, process, "user", queue["head"])
        elif "seq" in frame:
            queue_name = frame.get("queue", "user")
            self._ledger.deliver(self.book, process, queue_name, frame["seq"], frame["id"])
