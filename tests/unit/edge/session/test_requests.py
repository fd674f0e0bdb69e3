"""What a device asks its router for is answered, whatever happens."""

from __future__ import annotations

import json

from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.support.fake_router import FakeRouter
from tests.unit.edge.hubs import (
    attached,
    make_hub,
    sent,
    written,
)
from tests.unit.edge.sockets import (
    PROGRESS,
    running,
    welcomed,
)


def test_too_many_unanswered_messages_are_busy() -> None:
    hub = make_hub()
    attached(hub)
    message = json.dumps({"type": "UPDATE_PROGRESS", "payload": {}, "ref": "r"})
    publishes = []
    for _ in range(16):
        publishes += sent(hub.text(1, message, 0), "publish")
    assert len({each.request_id for each in publishes}) == 16

    assert written(hub.text(1, message, 0), 1)[0]["data"]["code"] == "busy"

    answer = pb.Published(request_id=publishes[0].request_id, session_id=1, event_id="x")
    hub.link_frame("r", pb.AttachResponse(published=answer), 0)
    assert len(sent(hub.text(1, message, 0), "publish")) == 1


def test_when_the_router_goes_open_messages_are_answered_unavailable() -> None:
    hub = make_hub()
    attached(hub)
    hub.text(1, '{"type":"UPDATE_PROGRESS","payload":{},"ref":"r"}', 0)

    (error,) = written(hub.link_down("r", 0), 1)

    assert error["data"]["code"] == "unavailable"
    assert error["data"]["ref"] == "r"


async def test_progress_goes_to_the_other_devices_and_is_accepted() -> None:
    router = FakeRouter()
    async with (
        running(router) as edge,
        welcomed(edge, "maya:mac") as mac,
        welcomed(edge, "maya:phone") as phone,
    ):
        await mac.send(type="UPDATE_PROGRESS", payload={"shootId": "s"}, ref=7)
        accepted = await mac.frame()
        assert (accepted["type"], accepted["data"]) == ("ACCEPTED", {"id": "id-1", "ref": 7})
        assert (await phone.frame())["type"] == "SHOOT_PROGRESS"
        await mac.send(type="UPDATE_PROGRESS", payload={"shootId": ""}, ref=8)
        error = await mac.frame()
        assert error["data"] == {
            "code": "invalid_message",
            "message": "shootId: is missing",
            "ref": 8,
        }


async def test_progress_without_a_router_is_told_and_not_kept() -> None:
    router = FakeRouter()
    async with running(router) as edge, welcomed(edge, "maya:mac") as mac:
        await router.disown()
        await mac.send(type="ACK", seq=0)
        router.silent = True
        await mac.send(type="UPDATE_PROGRESS", payload={"shootId": "s"}, ref=1)
        router.cut()
        assert (await mac.frame())["data"]["code"] == "unavailable"


async def test_progress_above_the_rate_is_answered_and_the_rest_goes_on() -> None:
    router = FakeRouter()
    async with running(router, publish_rate=0.01, publish_burst=1) as edge:
        async with welcomed(edge, "maya:mac") as device:
            await device.send(**PROGRESS, ref=1)
            await device.send(**PROGRESS, ref=2)

            answers = {frame["data"].get("ref"): frame for frame in await device.frames(2)}

    assert answers[1]["type"] == "ACCEPTED"
    assert answers[2]["data"]["code"] == "rate_limited"
    assert "wait" in answers[2]["data"]["message"]
