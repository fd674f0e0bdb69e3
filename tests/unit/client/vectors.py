"""Runs a vector of conformance/ on the Python client: see conformance/README.md for the steps.

The client is the real one on virtual time; the WebSocket under it is the vector's.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kull_client import GaveUp, NotConnected, Position, Rejected, SyncClient, SyncClosed, SyncError
from tests.simulation.loop import run
from tests.unit.client.sockets import Dialled, Socket

FOLDER = Path(__file__).parents[3] / "conformance"
ABILITIES = {"rooms", "joinsNow", "logout", "deviceId", "signOut"}
HOUR = 3600.0  # seconds

Json = dict[str, Any]


def vectors() -> list[tuple[str, Json]]:
    """Return every vector, with the name of its file."""
    return [
        (file.stem, json.loads(line))
        for file in sorted(FOLDER.glob("*.jsonl"))
        for line in file.read_text().splitlines()
    ]


def templates() -> dict[str, Json]:
    """Return what a message of each type is laid over."""
    read: dict[str, Json] = json.loads((FOLDER / "templates.json").read_text())
    return read


def merged(base: Any, over: Any) -> Any:
    """Return an object with another one laid over it, member by member."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return base | {name: merged(base.get(name), value) for name, value in over.items()}


def matches(found: Any, wanted: Json, captured: dict[str, str]) -> bool:
    """Return whether a message has these members; null: it does not have it."""
    for name, value in wanted.items():
        actual = found.get(name)
        if isinstance(value, str) and value.startswith("$") and isinstance(actual, str):
            captured[value] = actual
        elif actual != value:
            return False
    return True


class Failure(Exception):
    """What an application's token function raises."""


class World:
    """What surrounds the client: its attempts to connect, its application, and time."""

    def __init__(self, vector: Json) -> None:
        self._client_options: Json = vector.get("client", {})
        self._steps: list[Json] = vector["steps"]
        self._templates = templates()
        self._attempts: deque[asyncio.Future[Socket]] = deque()
        self._dialled = asyncio.Event()
        self._socket = Socket()
        self._sent = 0  # how much of what it sent was compared
        self._events: list[Json] = []
        self._answers: list[Json | None] = []  # of each call, None while there is none
        self._calls: set[asyncio.Task[None]] = set()
        self._may_process = asyncio.Semaphore(0)
        self._instances: set[str] = set()
        self._captured: dict[str, str] = {}
        self._asked = 0  # for tokens
        self._end: BaseException | None = None
        self._client = self._make()

    def dial(self, url: str, **_options: Any) -> Dialled:
        """Stand in for `websockets.asyncio.client.connect`."""
        attempt: asyncio.Future[Socket] = asyncio.get_running_loop().create_future()
        self._attempts.append(attempt)
        self._dialled.set()
        return Dialled(attempt)

    async def play(self) -> None:
        """Take all steps. Raises AssertionError."""
        app = asyncio.create_task(self._application(), name="application")
        try:
            for number, step in enumerate(self._steps):
                await self._settle()
                try:
                    await self._take(step)
                except AssertionError as error:
                    raise AssertionError(f"step {number}, {json.dumps(step)}: {error}") from None
            await self._settle()
            assert not self._events, f"events that no step expects: {self._events}"
            assert not self._unseen(), f"messages that no step expects: {self._unseen()}"
        finally:
            app.cancel()
            await asyncio.wait({app, *self._calls})

    # The application

    def _make(self) -> SyncClient:
        options = self._client_options
        position = options.get("position")
        return SyncClient(
            "ws://kull.test/ws",
            self._token if "tokens" in options else options.get("token", "t1"),
            position=Position(**position) if position else None,
            device_id=options.get("deviceId", ""),
            device_name=options.get("deviceName", ""),
            max_attempts=options.get("maxAttempts", 10),
            random=lambda: float(options.get("random", 0)),
        )

    async def _token(self) -> str:
        tokens: list[str | bool | None] = self._client_options["tokens"]
        token = tokens[min(self._asked, len(tokens) - 1)]
        self._asked += 1
        if token is False:
            await asyncio.Event().wait()
        if not isinstance(token, str):
            raise Failure("the login service cannot be reached")
        return token

    async def _application(self) -> None:
        holds = self._client_options.get("holds", False)
        try:
            async with self._client as client:
                async for event in client:
                    members = {
                        "type": event.type,
                        "data": dict(event.data),
                        "queue": event.queue,
                        "id": event.id,
                        "seq": event.seq,
                        "timestamp": event.timestamp,
                        "deviceId": event.device_id,
                        "userId": event.user_id,
                        "sender": event.sender,
                    }
                    self._events.append(members)
                    if holds:
                        await self._may_process.acquire()
        except SyncError as error:
            self._end = error
        else:
            self._end = StopAsyncIteration()

    async def _call(self, number: int, answering: Coroutine[Any, Any, Any]) -> None:
        try:
            self._answers[number] = {"ok": await answering or ""}
        except Rejected as error:
            self._answers[number] = {"error": error.code}
        except NotConnected:
            self._answers[number] = {"error": "not_connected"}
        except TimeoutError:
            self._answers[number] = {"error": "timeout"}

    # Steps

    async def _settle(self) -> None:
        """Let everything happen that needs no time."""
        await asyncio.sleep(1e-6)

    async def _take(self, step: Json) -> None:
        ((verb, value), *rest) = step.items()
        take: Callable[..., Any] = getattr(self, f"_step_{_snake(verb)}")
        done = take(value, **dict(rest))
        if asyncio.iscoroutine(done):
            await done

    async def _step_accept(self, hello: Json) -> None:
        assert self._attempts, "there is no attempt to connect"
        assert not self._unseen(), f"messages that no step expects: {self._unseen()}"
        self._socket, self._sent = Socket(), 1
        self._attempts.popleft().set_result(self._socket)
        await self._settle()
        assert self._socket.sent, "it says nothing"
        first = self._socket.sent[0]
        assert first["type"] == "HELLO"
        assert matches(first, hello, {}), first
        self._instances.add(first["instance"])
        assert len(self._instances) == 1, self._instances

    def _step_fail(self, _: bool) -> None:
        assert self._attempts, "there is no attempt to connect"
        self._attempts.popleft().set_exception(OSError("connection refused"))

    def _step_send(self, message: Json) -> None:
        base = self._templates["*"] | self._templates.get(message["type"], {})
        message = self._filled(merged(base, message))
        self._socket.gets(json.dumps(message))

    def _step_send_text(self, text: str) -> None:
        self._socket.gets(text)

    def _step_send_binary(self, hexadecimal: str) -> None:
        self._socket.gets(bytes.fromhex(hexadecimal))

    def _step_close(self, code: int, reason: str = "") -> None:
        self._socket.ends(code, reason)

    async def _step_wait(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1000)

    async def _step_process(self, count: int) -> None:
        for _ in range(count):
            self._may_process.release()
            await self._settle()

    async def _step_call(self, what: str, room: str = "", **more: Any) -> None:
        client = self._client
        answering: Coroutine[Any, Any, Any]
        match what:
            case "join":
                answering = client.join(room, **more)
            case "state":
                answering = client.set_state(room, more["state"])
            case "send":
                answering = client.send(room, more["event"], more["data"])
            case "watch":
                answering = client.watch(more["users"])
            case "leave":
                answering = client.leave(room)
            case "typing":
                answering = client.typing(room)
            case "logout":
                answering = client.logout()
            case "signOut":
                answering = client.sign_out(more["device"])
            case "progress":
                fields = {_snake(name): value for name, value in more["progress"].items()}
                answering = client.update_progress(**fields)
            case "stop":
                await client.__aexit__(None, None, None)
                return
        self._answers.append(None)
        work = self._call(len(self._answers) - 1, answering)
        self._calls.add(asyncio.create_task(work, name=what))

    def _step_events(self, wanted: list[Json]) -> None:
        found, self._events = self._events, []
        assert len(found) == len(wanted), found
        assert all(map(matches, found, wanted, [{}] * len(found))), found

    def _step_sent(self, wanted: list[Json]) -> None:
        found = self._unseen()
        self._sent = len(self._socket.sent)
        assert len(found) == len(wanted), found
        assert all(map(matches, found, wanted, [self._captured] * len(found))), found

    async def _step_sends(self, wanted: Json, within: list[int]) -> None:
        start = asyncio.get_running_loop().time()
        least, most = within
        with suppress(TimeoutError):
            async with asyncio.timeout(most / 1000):
                while not self._unseen():
                    self._socket.said.clear()
                    await self._socket.said.wait()
        waited = 1000 * (asyncio.get_running_loop().time() - start)
        assert waited >= least, f"after {waited:.0f} ms"
        self._step_sent([wanted])

    def _step_acked(self, wanted: dict[str, int | list[int]]) -> None:
        highest: dict[str, int] = {}
        for message in (each for each in self._socket.sent if each["type"] == "ACK"):
            queue = message.get("queue", "user")
            assert message["seq"] > highest.get(queue, -1), f"{queue} goes back"
            highest[queue] = message["seq"]
        assert highest.keys() == wanted.keys(), highest
        for queue, seq in wanted.items():
            least, most = seq if isinstance(seq, list) else (seq, seq)
            assert least <= highest[queue] <= most, highest

    def _step_position(self, wanted: Json) -> None:
        found = {"epoch": self._client.position.epoch, "after": dict(self._client.position.after)}
        assert found == wanted, found

    async def _step_attempt(self, range_: list[int]) -> None:
        start = asyncio.get_running_loop().time()
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while not self._attempts:
                    self._dialled.clear()
                    await self._dialled.wait()
        waited = 1000 * (asyncio.get_running_loop().time() - start)
        assert self._attempts, "it does not try again"
        least, most = range_
        assert least - 1 <= waited <= most + 1, f"after {waited:.0f} ms"

    def _step_state(self, name: str) -> None:
        assert self._client.state.name == name, self._client.state

    def _step_stale(self, since: int | None) -> None:
        assert (self._client.state.stale_since or None) == since, self._client.state

    def _step_devices(self, ids: list[str]) -> None:
        assert [device.device_id for device in self._client.devices] == ids

    def _step_members(self, wanted: Json) -> None:
        found = [
            {
                "userId": each.user_id,
                "since": each.since,
                "devices": [device.device_id for device in each.devices],
                "state": each.state,
            }
            for each in self._client.members(wanted["room"])
        ]
        assert found == wanted["members"], found
        assert self._client.count(wanted["room"]) == wanted["count"]

    def _step_status(self, wanted: dict[str, Json | None]) -> None:
        for user, status in wanted.items():
            known = self._client.status(user)
            found = known and {"online": known.online, "lastSeen": known.last_seen}
            assert found == status, (user, found)

    def _step_closed(self, wanted: bool) -> None:
        assert self._socket.closed is wanted

    async def _step_ended(self, how: Json) -> None:
        await asyncio.sleep(HOUR)
        assert not self._attempts, "it tries again"
        assert self._end is not None, f"it has not ended: {self._client.state}"
        if "code" in how:
            assert isinstance(self._end, SyncClosed), repr(self._end)
            assert self._end.code == how["code"]
        else:
            assert isinstance(self._end, GaveUp | StopAsyncIteration), repr(self._end)

    def _step_answers(self, wanted: list[Json | None]) -> None:
        assert self._answers == wanted, self._answers

    # What it has sent

    def _unseen(self) -> list[Json]:
        return [each for each in self._socket.sent[self._sent :] if each["type"] != "ACK"]

    def _filled(self, value: Any) -> Any:
        """Put in what was remembered; what was not is left out."""
        if not isinstance(value, dict):
            return value
        refs = [each["ref"] for each in self._socket.sent if "ref" in each]
        known = {"$ref": refs[-1]} | self._captured if refs else self._captured
        return {
            name: known[each] if isinstance(each, str) and each in known else self._filled(each)
            for name, each in value.items()
            if not (isinstance(each, str) and each.startswith("$") and each not in known)
        }


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)


def play(vector: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run one vector. Raises AssertionError."""

    async def main() -> None:
        world = World(vector)
        monkeypatch.setattr("kull_client.connection.dial", world.dial)
        await world.play()

    run(main())
