"""Devices in a room: who is there in their view, and what they do there meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from typing import Any, Final

from kull_client.backoff import full_jitter
from kull_client.reconnect import BASE, CAP
from tests.simulation.devices import REPLACED, SOCKET_KEEPALIVE
from tests.simulation.loop import Process
from tests.simulation.network import End, Lost
from tests.simulation.rosters import ROOM, RosterCheck
from tests.simulation.sockets import (
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

ACTS_EVERY: Final = (0.1, 3.0)  # seconds between two things that a guest does


class View:
    """What a device knows of a room by docs/protocol.md: what is not newer is left out."""

    def __init__(self) -> None:
        self.generation = (0, 0)
        self.members: dict[str, dict[str, Any]] = {}
        self.count = 0
        self.partial = False

    def take(self, data: dict[str, Any]) -> None:
        """Take a PRESENCE that is newer."""
        self.generation = tuple(data["generation"])
        self.count, self.partial = data["count"], data.get("partial", False)
        if "members" in data or self.partial:
            self.members = {}
        for member in [*data.get("members", []), *data.get("joined", []), *data.get("updated", [])]:
            self.members[member["userId"]] = member
        for user in data.get("left", []):
            self.members.pop(user, None)


class Visit:
    """One run of the guest's program."""

    def __init__(self, guest: Guest, process: Process) -> None:
        self.guest, self.process = guest, process
        self.end: End | None = None
        self.open = False
        self.joined = False
        self.asked = False
        self.said: object = None  # the state that went with the JOIN
        self.view = View()

    @property
    def cut_off(self) -> bool:
        """Whether it has no connection, or one that is silent, whether it knows or not."""
        return not self.open or self.end is None or self.end.connection.silent

    def say(self, kind: str, **fields: Any) -> None:
        """Send a message about the room, if there is a connection."""
        if self.end and self.open:
            text = json.dumps({"type": kind, "queue": ROOM} | fields)
            self.end.post(Text(text), FRAME + len(text))

    def reconcile(self) -> None:
        """JOIN or LEAVE if that is what the guest wants, one question at a time."""
        guest = self.guest
        if not self.open or self.asked or guest.wants == self.joined:
            return
        self.asked = True
        if guest.wants:
            self.said = guest.state
            self.say("JOIN", state=guest.state)
        else:
            self.say("LEAVE")

    async def run(self) -> None:
        """Connect for ever, until another run of this device takes its place."""
        attempt = 0
        while True:
            attempt += 1
            with suppress(OSError, Lost, TimeoutError):
                self.end = await self.guest.balancer.connect(self.process)
                self.end.post(Hello(True, self.guest.token), FRAME)
                try:
                    if await self._serve(self.end):
                        return
                    attempt = 0
                finally:
                    self.end.close()
                    self.open = self.joined = self.asked = False
            rng = self.guest.rng
            await asyncio.sleep(full_jitter(attempt, random=rng.random, base=BASE, cap=CAP))

    async def _serve(self, end: End) -> bool:
        """Return whether another run of the device has taken its place."""
        while True:
            frame: Frame
            async with asyncio.timeout(SOCKET_KEEPALIVE):
                frame = await end.receive()
            match frame:
                case Text(text):
                    self._message(end, checked(json.loads(text)))
                case PingFrame(payload):
                    end.post(Pong(payload), FRAME)
                case Closing(code, _):
                    # A guest names no run: its own held up connection may have done this.
                    return code == REPLACED and not self.guest.alone

    def _message(self, end: End, message: dict[str, Any]) -> None:
        data = message["data"]
        if "seq" in message:
            ack = {"type": "ACK", "seq": message["seq"], "queue": message.get("queue", "user")}
            end.post(Text(json.dumps(ack)), FRAME)
            return
        match message["type"]:
            case "WELCOME":
                self.open = True
            case "JOINED" if data["queue"] == ROOM:
                self.joined, self.asked = True, False
                if self.said != self.guest.state:
                    self.say("STATE", state=self.guest.state)
            case "LEFT":
                self.joined = self.asked = False
            case "ERROR":
                self.asked = False
            case "PRESENCE":
                self._presence(data)
        self.reconcile()

    def _presence(self, data: dict[str, Any]) -> None:
        check, generation = self.guest.check, tuple(data["generation"])
        if not self.joined:
            check.blame(f"{self.guest.name} is told of a room that it is not in")
        if generation <= self.view.generation:
            return
        before = set() if self.view.partial else set(self.view.members)
        self.view.take(data)
        if not self.view.partial:
            for user in sorted(before - set(self.view.members)):
                check.seen_to_go(user, generation, self.guest.name)


class Guest:
    """One device by name. The newest run is the device."""

    def __init__(
        self,
        user: str,
        device: str,
        *,
        check: RosterCheck,
        balancer: Balancer,
        rng: random.Random,
    ) -> None:
        self.user, self.device = user, device
        self.name = f"{user}/{device}"
        self.check, self.balancer, self.rng = check, balancer, rng
        self.wants = True
        self.state: dict[str, Any] | None = None
        self.calm = False
        self.process = Process(self.name)
        self.visit = Visit(self, self.process)
        self._visits: list[Visit] = []

    @property
    def token(self) -> str:
        return self.name.replace("/", ":")

    @property
    def alone(self) -> bool:
        """Whether no other run is left."""
        return sum(not each.process.dead for each in self._visits) == 1

    def start(self) -> Process:
        """Start a run; an older one goes on as well, until it is sent away."""
        process = self.process = Process(self.name)
        self.visit = Visit(self, process)
        self._visits = [each for each in self._visits if not each.process.dead] + [self.visit]
        process.start(self._run(self.visit), "guest")
        process.start(self._act(self.visit), "acts")
        return process

    async def _run(self, visit: Visit) -> None:
        await visit.run()
        # The newest connection counts, and that may be of an earlier run.
        self._visits.remove(visit)
        if visit is self.visit:
            self.visit = self._visits[-1]
            self.process = self.visit.process

    async def _act(self, visit: Visit) -> None:
        """Say states, leave and come back, until it is to be calm."""
        while not self.calm:
            await asyncio.sleep(self.rng.uniform(*ACTS_EVERY))
            if self.calm or visit is not self.visit:
                continue
            match self.rng.randrange(6):
                case 0:
                    self.wants = not self.wants
                    visit.reconcile()
                case 1 if visit.end:
                    visit.end.close()  # connects again, within the grace or not
                case _:
                    self.state = self.rng.choice([None, {"n": self.rng.randrange(3)}])
                    if visit.joined:
                        visit.say("STATE", state=self.state)

    def settle(self) -> None:
        """Do nothing of its own any more: stay, or stay away."""
        self.calm = True
        self.wants = self.rng.random() < 0.8
        self.visit.reconcile()
