"""Thousands of devices on picows: a compiled WebSocket client, one callback per frame."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import picows

from bench.job import KEEPALIVE
from bench.load import events
from bench.load.account import Account, Tally
from bench.load.counters import Counters
from bench.load.dialects import DIALECTS, Conversation
from bench.load.worker import now_us

READY_WITHIN = 120.0  # seconds for one device to be connected
LOOK_EVERY = 0.01  # seconds between two looks at who is to acknowledge


class Device(picows.WSListener):
    """One device over all of its connections; it remembers where it stands."""

    def __init__(self, account: Account, fleet: Fleet) -> None:
        super().__init__()
        self.name, self.user, self.token = account.name, account.user, account.token
        self.url = account.url
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.last_sent = 0.0
        self._fleet = fleet
        self._memory: dict[str, str | int] = {}
        self._conversation: Conversation | None = None
        self._transport: picows.WSTransport | None = None
        self._numbers = {events.EVERYBODY: 0, self.user: 0}

    async def connect(self) -> None:
        """Connect and wait until events can come. Raises TimeoutError, OSError, RuntimeError."""
        self.done = asyncio.get_running_loop().create_future()
        self._conversation = self._fleet.dialect(self, self._memory)
        subprotocol = self._conversation.subprotocol
        headers = {"Sec-WebSocket-Protocol": subprotocol} if subprotocol else None
        async with asyncio.timeout(READY_WITHIN):
            await picows.ws_connect(
                lambda: self,
                self.url + self._conversation.path,
                extra_headers=headers,
                websocket_handshake_timeout=READY_WITHIN,
                read_buffer_init_size=1024,
            )
            await self.done

    def disconnect(self) -> None:
        """Drop the connection without a word, as a tunnel does."""
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.disconnect(graceful=False)

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Begin the conversation."""
        self._transport = transport
        if self._conversation is not None:
            self._conversation.opened()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Note a loss that was not ours."""
        if self._transport is transport:
            self._transport = None
            self._fleet.tally.lost_connections += 1
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"{self.name}: closed before it was ready"))

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Pass it to the conversation."""
        if frame.msg_type in (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY):
            if self._conversation is not None:
                self._conversation.received(frame.get_payload_as_bytes())
        elif frame.msg_type is picows.WSMsgType.CLOSE:
            transport.disconnect()

    def send(self, data: bytes) -> None:
        """See `dialects.Device.send`."""
        if self._transport is not None:
            self.last_sent = time.monotonic()
            self._transport.send(self._fleet.message_type, data)

    def ready(self) -> None:
        """See `dialects.Device.ready`."""
        if not self.done.done():
            self.done.set_result(None)

    def event(self, frame: bytes) -> None:
        """See `dialects.Device.event`."""
        seen = events.read(frame)
        if seen is not None:
            whose = self.user if b"CREDIT_UPDATE" in frame else events.EVERYBODY
            self._fleet.count(seen, self._numbers[whose])
            self._numbers[whose] = max(seen.number, self._numbers[whose])

    def owes(self, within: float) -> None:
        """See `dialects.Device.owes`."""
        self._fleet.owing.setdefault(self, time.monotonic() + within)

    def owes_nothing(self) -> None:
        """See `dialects.Device.owes_nothing`."""
        self._fleet.owing.pop(self, None)

    def acknowledge(self) -> None:
        """Acknowledge what has come."""
        if self._conversation is not None:
            self._conversation.acknowledge()

    def sign_of_life(self, now: float) -> None:
        """Send what the dialect wants from a silent device."""
        alive = self._conversation.alive if self._conversation else b""
        if alive and now - self.last_sent > KEEPALIVE:
            self.send(alive)


class Fleet:
    """The devices of one process. A `Worker` runs it."""

    def __init__(
        self, dialect: str, accounts: Sequence[Account], counters: Path, slot: int
    ) -> None:
        self.dialect = DIALECTS[dialect]
        binary = self.dialect.binary
        self.message_type = picows.WSMsgType.BINARY if binary else picows.WSMsgType.TEXT
        self.tally = Tally()
        self.owing: dict[Device, float] = {}  # by when; all are given the same time
        self._counters, self._slot = Counters(counters), slot
        self._deliveries = 0
        self._keep_latencies = False
        self._devices = [Device(account, self) for account in accounts]
        self._tasks = [
            asyncio.create_task(self._acknowledge(), name="acknowledge"),
            asyncio.create_task(self._stay_alive(), name="stay-alive"),
        ]

    async def connect(self, at_once: int) -> float:
        """Connect every device, so many at a time; return the seconds it took."""
        waiting = iter(self._devices)

        async def connect_some() -> None:
            for device in waiting:
                await device.connect()

        begin = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(at_once):
                group.create_task(connect_some(), name=f"connect-{number}")
        return time.monotonic() - begin

    async def disconnect(self) -> None:
        """Drop every connection; what was received before is acknowledged first."""
        for device in self.owing:
            device.acknowledge()
        self.owing.clear()
        await asyncio.sleep(0.5)  # the last acknowledgements leave
        for device in self._devices:
            device.disconnect()

    async def keep_latencies(self, keep: bool) -> None:
        """Begin or end to note how long each event took."""
        self._keep_latencies = keep

    async def take_tally(self) -> Tally:
        """Return what was seen since the last call."""
        tally, self.tally = self.tally, Tally()
        return tally

    def count(self, seen: events.Seen, newest: int) -> None:
        """Count an event; `newest` is the highest number that its device had before."""
        if seen.number <= newest:
            self.tally.repeats += 1
            return
        if seen.number > newest + 1 and newest:
            self.tally.disordered += 1
        self._deliveries += 1
        self._counters[self._slot] = self._deliveries
        if self._keep_latencies:
            self.tally.latencies.append(now_us() - seen.sent)

    async def _acknowledge(self) -> NoReturn:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = time.monotonic()
            while self.owing and (first := next(iter(self.owing.items())))[1] <= now:
                del self.owing[first[0]]
                first[0].acknowledge()

    async def _stay_alive(self) -> NoReturn:
        while True:
            await asyncio.sleep(KEEPALIVE / 10)
            now = time.monotonic()
            for device in self._devices:
                device.sign_of_life(now)
