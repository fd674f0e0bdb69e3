"""Messages of a device are answered in the state that they belong to."""

from __future__ import annotations

import json

from tests.support.fake_router import FakeRouter
from tests.unit.edge.hubs import attached, make_hub, written
from tests.unit.edge.sockets import (
    peer,
    running,
    welcomed,
)


async def test_bad_frames_are_answered_and_the_connection_goes_on() -> None:
    async with running(FakeRouter()) as edge, welcomed(edge, "maya") as device:
        for text, code in (("{", "invalid_json"), ("{}", "unknown_type")):
            await device.socket.send(text)
            assert (await device.frame())["data"]["code"] == code
        await device.send(type="ACK", seq=1, queue="room:x")
        assert (await device.frame())["data"]["code"] == "invalid_message"
        await device.send(type="UPDATE_PROGRESS", payload={"shootId": "s"}, ref="r")
        assert (await device.frame())["type"] == "ACCEPTED"


async def test_a_ping_is_answered() -> None:
    async with running(FakeRouter()) as edge, welcomed(edge, "maya") as device:
        await device.send(type="PING")
        assert (await device.frame())["type"] == "PONG"


async def test_a_ping_before_welcome_is_not_answered() -> None:
    async with running(FakeRouter()) as edge, peer(edge, v2=True) as device:
        await device.send(type="PING")
        await device.send(type="HELLO", token="maya:mac")
        assert (await device.frame())["type"] == "WELCOME"


async def test_a_hundred_bad_frames_close_the_connection() -> None:
    async with running(FakeRouter()) as edge, welcomed(edge, "maya") as device:
        for _ in range(100):
            await device.socket.send("{")
        frames = await device.frames(100)
        assert [frame["data"]["code"] for frame in frames[-2:]] == [
            "invalid_json",
            "too_many_errors",
        ]
        assert await device.close_code() == 4505


def test_more_requests_than_the_rate_allows_are_refused_for_rooms_too() -> None:
    hub = make_hub(publish_rate=0.01, publish_burst=1)
    attached(hub)
    say = json.dumps({"type": "JOIN", "queue": "room:a"})
    hub.text(1, say, 0)

    assert written(hub.text(1, say, 0), 1)[0]["data"]["code"] == "rate_limited"


def test_a_logout_waits_for_earlier_answers() -> None:
    hub = make_hub(max_publishes=1)
    attached(hub)
    hub.text(1, '{"type":"UPDATE_PROGRESS","payload":{}}', 0)

    assert written(hub.text(1, '{"type":"LOGOUT"}', 0), 1)[0]["data"]["code"] == "busy"
