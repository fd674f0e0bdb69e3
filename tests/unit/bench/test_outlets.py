"""What the load generator publishes with: messages of several events, and Centrifugo's API."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from pamqp import frame as amqp
from pamqp.body import ContentBody

from bench.load import events
from bench.load.burst_outlet import BurstOutlet
from bench.load.centrifugo_outlet import CONNECTIONS, CentrifugoOutlet
from bench.load.outlets import Route
from tests.support.until import until

CENTRIFUGO_USER, CENTRIFUGO_ALL = "user:#user-7", "all:events"


def body(user: str = "user-7", *, sent: int = 12, number: int = 3) -> bytes:
    template = events.message(user).body
    return events.fill(template, event_id=b"0" * 24, sent=sent, number=number)


class RecordingChannel:
    """Takes messages, and confirms them when the test says so."""

    def __init__(self) -> None:
        self.open_tags: dict[int, None] = {}
        self.last_tag = 0
        self.bodies: list[bytes] = []

    def publish(self, frames: bytes) -> None:
        self.last_tag += 1
        self.open_tags[self.last_tag] = None
        body = b""
        while frames:
            size, _, part = amqp.unmarshal(frames)
            frames = frames[size:]
            body += part.value if isinstance(part, ContentBody) else b""
        self.bodies.append(body)


def numbers(body: bytes) -> list[int]:
    """The numbers of the events in a message."""
    return [int(each[1:]) for each in re.findall(rb"#\d{8}", body)]


async def test_bursts_share_messages_and_wait_behind_two_that_are_not_confirmed() -> None:
    channel = RecordingChannel()
    outlet = BurstOutlet(Route(url="amqp://localhost/"))
    outlet._channel = channel  # type: ignore[assignment]

    def publish(*of: int) -> None:
        for number in of:
            outlet.publish("user-7", event_id=b"7" * 24, sent=5, number=number)

    publish(1, 2, 3)
    await asyncio.sleep(0)
    publish(4)
    await asyncio.sleep(0)
    publish(5)
    publish(6)
    await asyncio.sleep(0)
    assert [numbers(body) for body in channel.bodies] == [[1, 2, 3], [4]]
    assert outlet.unconfirmed == 6

    del channel.open_tags[1]
    outlet._look_at_confirms()
    assert [numbers(body) for body in channel.bodies[2:]] == [[5, 6]]
    assert outlet.unconfirmed == 3


class Api:
    """Centrifugo's HTTP API: notes requests, answers each connection's in order when asked to."""

    def __init__(
        self, answer: bytes = b'{"result":{"offset":1}}', *, chunked: bool = False
    ) -> None:
        self._chunked = chunked
        self.requests = asyncio.Queue[tuple[int, str, dict[str, Any]]]()
        self.answers = asyncio.Event()
        self.begun = self.ended = 0  # connections
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.begun += 1
        number = self.begun
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                size = int(head.split("Content-Length: ")[1].split("\r")[0])
                request = json.loads(await reader.readexactly(size))
                self.requests.put_nowait((number, head.split(" ")[1], request))
                await self.answers.wait()
                size = len(self._answer)
                if self._chunked:
                    head, body = "Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n"
                    body %= (size, self._answer)
                else:
                    head, body = f"Content-Length: {size}", self._answer
                writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % head.encode() + body)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.ended += 1


@asynccontextmanager
async def centrifugo(api: Api, *, batches: bool) -> AsyncIterator[CentrifugoOutlet]:
    async with asyncio.timeout(30), await asyncio.start_server(api.serve, "127.0.0.1", 0) as server:
        outlet = CentrifugoOutlet(server.sockets[0].getsockname()[1], "key", batches=batches)
        await outlet.open()
        try:
            yield outlet
        finally:
            await outlet.aclose()
            api.answers.set()
            await until(lambda: api.begun == api.ended == (1 if batches else CONNECTIONS))


def publish(outlet: CentrifugoOutlet, user: str, number: int) -> None:
    outlet.publish(user, event_id=b"7" * 24, sent=5, number=number)


async def test_events_of_a_user_go_to_centrifugo_one_by_one_over_the_same_connection() -> None:
    api = Api()
    async with centrifugo(api, batches=False) as outlet:
        for number in range(1, 4):
            publish(outlet, "user-7", number)
        assert outlet.unconfirmed == 3
        api.answers.set()
        requests = [await api.requests.get() for _ in range(3)]
        await until(lambda: not outlet.unconfirmed)

    assert {(number, path) for number, path, _ in requests} == {(requests[0][0], "/api/publish")}
    assert {body["channel"] for _, _, body in requests} == {CENTRIFUGO_USER}
    seen = [events.read(json.dumps(body["data"]).encode()) for _, _, body in requests]
    assert seen == [(5, 1), (5, 2), (5, 3)]


async def test_what_centrifugo_answers_in_chunks_confirms_as_well() -> None:
    api = Api(b'{"replies":[{"publish":{"offset":1}}]}', chunked=True)
    api.answers.set()
    async with centrifugo(api, batches=True) as outlet:
        for number in range(1, 4):
            publish(outlet, "user-7", number)
        await until(lambda: not outlet.unconfirmed)


async def test_a_batch_for_centrifugo_has_what_is_there_at_once_and_no_user_twice() -> None:
    api = Api(b'{"replies":[]}')
    async with centrifugo(api, batches=True) as outlet:
        for user, number in (("user-1", 1), ("user-2", 1), ("user-1", 2), ("", 1)):
            publish(outlet, user, number)
        assert outlet.unconfirmed == 4
        api.answers.set()
        requests = [await api.requests.get() for _ in range(2)]
        await until(lambda: not outlet.unconfirmed)

    assert [path for _, path, _ in requests] == ["/api/batch"] * 2
    channels = [[each["publish"]["channel"] for each in body["commands"]] for *_, body in requests]
    assert channels == [["user:#user-1", "user:#user-2"], ["user:#user-1", CENTRIFUGO_ALL]]


async def test_an_event_that_centrifugo_refuses_is_not_taken_for_confirmed() -> None:
    api = Api(b'{"error":{"code":102,"message":"unknown channel"}}')
    api.answers.set()
    async with centrifugo(api, batches=False) as outlet:
        publish(outlet, "user-7", 1)
        await api.requests.get()

        def refused() -> bool:
            try:
                publish(outlet, "user-7", 2)
            except RuntimeError as error:
                return "unknown channel" in str(error)
            return False

        await until(refused)
