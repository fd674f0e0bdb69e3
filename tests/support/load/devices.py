"""Devices that follow docs/protocol.md cheaply: they count, acknowledge, and connect again."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from kull_client import close_codes
from kull_client.backoff import full_jitter
from kull_client.reconnect import BASE, CAP
from tests.chaos.ledger import Ledger
from tests.support.device import token
from tests.support.load.balancer import Balancer
from tests.support.load.socket import Socket

ACK_AFTER = 1.0  # seconds, as our SDK
ACK_EVENTS = 32  # the same: half of the window
LOOK_EVERY = 0.02  # seconds
RECONNECT = 4000
NOWHERE = 0  # in place of a close code: there was no connection


@dataclass(slots=True)
class Record:
    """What happened since the last record. Times are in seconds of the monotonic clock.

    Attributes:
        attempts: when a device tried to connect again.
        away: how long each lost connection took to be replaced: from its end to the next WELCOME.
        slowest: per device the longest way of any event, from the publisher's call.
        slots: the seconds after which a leaving edge told its devices to go.
        codes: how sessions ended, by close code.
        failures: what became of attempts that did not lead to a session.
        cpu: the largest share of one core that the devices' process used within a second.
    """

    attempts: list[float] = field(default_factory=list)
    away: list[float] = field(default_factory=list)
    slowest: dict[str, float] = field(default_factory=dict)
    slots: list[float] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    deliveries: int = 0
    repeats: int = 0
    out_of_order: int = 0
    not_recovered: int = 0
    cpu: float = 0.0


class Device:
    """One device of one user, connected until its task is cancelled."""

    def __init__(self, name: str, user: str, fleet: Fleet) -> None:
        self.name, self.user = name, user
        self.welcomed = False
        self.socket: Socket | None = None
        self.unacked = self.open = 0
        self._fleet = fleet
        self._token = token(user, name.replace("/", "-"), ttl=86_400)
        self._epoch, self._seq = "", 0  # of the user's queue; other queues carry nothing here
        self._attempt = 0
        self._lost_at: float | None = None

    async def run(self) -> NoReturn:
        """Stay connected. Raises AssertionError when an edge says that this is no use."""
        loop = asyncio.get_running_loop()
        while True:
            if self._lost_at is not None:
                self._fleet.record.attempts.append(time.monotonic())
            code = await self._connection(loop)
            if self.welcomed:
                self._ended(code)
            else:
                self._fleet.record.failures[f"closed with {code}"] += code != NOWHERE
            if not close_codes.may_reconnect(code):
                raise AssertionError(f"{self.name} was told to stop with {code}")
            if code != RECONNECT:
                await asyncio.sleep(
                    full_jitter(self._attempt, random=random.random, base=BASE, cap=CAP)
                )
            self._attempt += 1

    async def _connection(self, loop: asyncio.AbstractEventLoop) -> int:
        """Connect to some edge, and return the close code of the connection."""
        for port in self._fleet.balancer.candidates():
            try:
                _, socket = await loop.create_connection(self._new_socket, "127.0.0.1", port)
            except OSError as error:
                self._fleet.record.failures[error.strerror or repr(error)] += 1
                self._fleet.balancer.refused(port)
                continue
            self.socket = socket
            try:
                return await socket.closed
            finally:
                self.socket = None
                socket.abort()
        self._fleet.record.failures["no edge is ready"] += 1
        return NOWHERE

    def _ended(self, code: int) -> None:
        self._lost_at = time.monotonic()
        self.welcomed = False
        self._fleet.connected -= 1
        self._fleet.record.codes[code] += 1
        self._attempt = 0

    def _new_socket(self) -> Socket:
        return Socket(self._hello(), self._text)

    def _hello(self) -> str:
        hello: dict[str, Any] = {"type": "HELLO", "token": self._token, "instance": self.name}
        if self._epoch:
            hello |= {"epoch": self._epoch, "after": {"user": self._seq}}
        return json.dumps(hello)

    def acknowledge(self) -> None:
        """Tell the edge how far this device is."""
        if self.socket is not None and self.unacked:
            self.socket.send(f'{{"type":"ACK","seq":{self.unacked}}}')
        self.unacked = self.open = 0

    def _text(self, text: bytes) -> None:
        frame = json.loads(text)
        match frame["type"]:
            case "WELCOME":
                self._welcome(frame["data"])
            case "RECONNECT":
                self._fleet.record.slots.append(frame["data"]["after"] / 1000)
            case "RECOVERY_LOST":
                self._fleet.record.not_recovered += 1
            case _ if "seq" in frame and frame.get("queue", "user") == "user":
                self._event(frame)

    def _welcome(self, data: dict[str, Any]) -> None:
        now = time.monotonic()
        self.welcomed = True
        self._fleet.connected += 1
        self._fleet.record.not_recovered += not data["queue"]["recovered"]
        self._epoch, self._seq = data["epoch"], max(self._seq, data["queue"]["after"])
        if self._lost_at is not None:
            self._fleet.record.away.append(now - self._lost_at)

    def _event(self, frame: dict[str, Any]) -> None:
        self._fleet.unacked.setdefault(self, time.monotonic() + ACK_AFTER)
        self.unacked = frame["seq"]
        self.open += 1
        if self.open >= ACK_EVENTS:
            self._fleet.unacked.pop(self)
            self.acknowledge()
        self._seq = max(self._seq, frame["seq"])
        if frame["type"] == "CREDIT_UPDATE":
            way = time.time() - frame["timestamp"] / 1000
            slowest = self._fleet.record.slowest
            slowest[self.name] = max(way, slowest.get(self.name, 0.0))
            self._fleet.ledger.deliver(self.name, frame["userId"], frame["data"]["newBalance"])


class Fleet:
    """All devices of this process."""

    def __init__(self, devices: Sequence[tuple[str, str]], ports: Sequence[int]) -> None:
        self.ledger = Ledger()
        self.record = Record()
        self.balancer = Balancer(ports, random.Random())
        self.connected = 0
        self.unacked: dict[Device, float] = {}  # by when
        self._devices = [Device(name, user, self) for name, user in devices]
        for name, user in devices:
            self.ledger.add_device(name, user)
        self._counted = (0, 0, 0)  # deliveries, repeats, out of order in earlier records

    async def run(self) -> None:
        """Connect everybody and stay; ends only by cancellation or with an error."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.balancer.run(), name="balancer")
            tasks.create_task(self._acknowledge(), name="acknowledge")
            tasks.create_task(self._watch_cpu(), name="watch-cpu")
            for number, device in enumerate(self._devices):
                tasks.create_task(device.run(), name=device.name)
                if number % 20 == 0:
                    await asyncio.sleep(0.05)  # 400 a second: the start is not what is measured

    def take_record(self) -> Record:
        """Return what happened since the last call."""
        record, self.record = self.record, Record()
        book = self.ledger
        now = (book.deliveries, book.repeats, book.out_of_order)
        record.deliveries, record.repeats, record.out_of_order = (
            new - old for new, old in zip(now, self._counted, strict=True)
        )
        self._counted = now
        return record

    async def _acknowledge(self) -> NoReturn:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = time.monotonic()
            while self.unacked and (first := next(iter(self.unacked.items())))[1] <= now:
                del self.unacked[first[0]]
                first[0].acknowledge()

    async def _watch_cpu(self) -> NoReturn:
        while True:
            cpu, wall = time.process_time(), time.monotonic()
            await asyncio.sleep(1)
            share = (time.process_time() - cpu) / (time.monotonic() - wall)
            self.record.cpu = max(self.record.cpu, share)
