"""Devices in rooms, cheap enough for thousands in one process, and what each is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from tests.support.device import token
from tests.support.load.socket import Socket

ALL_RIGHTS = ("read", "presence")


class Member:
    """One device of one user, in one room.

    Attributes:
        users: who is there, as far as it was told.
        gone: users that it saw go.
        told: how many PRESENCE came.
    """

    def __init__(
        self, user: str, room: str, *, device: str = "mac", rights: Iterable[str] = ALL_RIGHTS
    ) -> None:
        self.user, self.room = user, f"room:{room}"
        self.users: dict[str, Any] = {}
        self.gone: set[str] = set()
        self.count = self.told = 0
        self.partial = False
        self.generation = [0, 0]
        self.neighbours: list[str] = []
        self._token = token(user, device, rooms={room: [*rights]})
        self._socket: Socket | None = None
        self._open, self._joined = asyncio.Event(), asyncio.Event()

    async def connect(self, port: int) -> None:
        """Connect, and wait for WELCOME."""
        self._open.clear()
        self._joined.clear()
        hello = json.dumps({"type": "HELLO", "token": self._token})
        loop = asyncio.get_running_loop()
        _, self._socket = await loop.create_connection(
            lambda: Socket(hello, self._text), "127.0.0.1", port
        )
        await self._open.wait()

    async def join(self, **more: Any) -> None:
        """Join the room, and wait for the answer."""
        self.say("JOIN", **more)
        await self._joined.wait()

    def say(self, kind: str, **more: Any) -> None:
        """Send a message about the room."""
        assert self._socket is not None
        self._socket.send(json.dumps({"type": kind, "queue": self.room, **more}))

    def close(self) -> None:
        """Drop the connection."""
        if self._socket:
            self._socket.abort()

    @property
    def closed(self) -> asyncio.Future[int]:
        """Done when the connection has ended."""
        assert self._socket is not None
        return self._socket.closed

    def _text(self, text: bytes) -> None:
        message = json.loads(text)
        data = message["data"]
        match message["type"]:
            case "WELCOME":
                self._open.set()
            case "JOINED" if data["queue"] == self.room:
                self._joined.set()
            case "PRESENCE" if data["generation"] > self.generation:
                self._presence(data)

    def _presence(self, data: dict[str, Any]) -> None:
        before = set(self.users)
        self.told += 1
        self.generation, self.count = data["generation"], data["count"]
        self.partial = data.get("partial", False)
        if "neighbours" in data:
            self.neighbours = [each["userId"] for each in data["neighbours"]]
        if "members" in data:
            self.users = {}
        for each in (*data.get("members", ()), *data.get("joined", ()), *data.get("updated", ())):
            self.users[each["userId"]] = each
        for user in data.get("left", ()):
            self.users.pop(user, None)
        self.gone |= before - set(self.users)


async def in_batches(work: Iterable[Any], size: int = 100) -> None:
    """Await coroutines, some at a time: a handshake each."""
    batch: list[Any] = []
    for each in work:
        batch.append(each)
        if len(batch) == size:
            await asyncio.gather(*batch)
            batch = []
    await asyncio.gather(*batch)
