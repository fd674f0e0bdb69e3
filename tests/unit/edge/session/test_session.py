"""A device on a real socket: from its handshake to its close."""

from __future__ import annotations

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.support.fake_router import FakeRouter
from tests.unit.edge.hubs import (
    MAYA,
    attached,
    closes,
    connect,
    make_hub,
    owned,
    subscribed,
    welcome,
    written,
)
from tests.unit.edge.sockets import (
    V2,
    peer,
    running,
    welcomed,
)


async def test_no_token_is_told_and_closed() -> None:
    async with running(FakeRouter()) as edge, peer(edge) as device:
        assert (await device.frame())["data"]["code"] == "no_token"
        assert await device.close_code() == 4502


async def test_welcome_is_the_first_frame_and_says_where_the_device_stands() -> None:
    router = FakeRouter()
    router.store(MAYA)
    async with (
        running(router) as edge,
        peer(edge, "?token=maya:mac&epoch=epoch-1&after=user:0", v2=True) as device,
    ):
        welcome, first, joined = await device.frames(3)
    assert welcome["type"] == "WELCOME"
    assert welcome["userId"] == "maya"
    assert welcome["deviceId"] == "server"
    data = welcome["data"]
    assert data["queue"] == {"queue": "user", "head": 1, "after": 0, "recovered": True}
    assert (data["deviceId"], data["epoch"], data["window"]) == ("mac", "epoch-1", 64)
    assert data["devices"][0]["deviceId"] == "mac"
    assert data["generation"] == [1, 1]
    kinds = {frame["type"]: frame for frame in (first, joined)}
    assert kinds["CREDIT_UPDATE"]["seq"] == 1
    assert kinds["JOINED"]["data"]["queue"] == "all"


async def test_the_token_may_come_in_the_subprotocol() -> None:
    async with (
        running(FakeRouter()) as edge,
        peer(edge, v2=True, offer=["kull.token.maya"]) as device,
    ):
        assert device.socket.subprotocol == V2
        assert (await device.frame())["type"] == "WELCOME"


async def test_the_token_may_come_in_hello_with_positions() -> None:
    router = FakeRouter()
    for _ in range(3):
        router.store(MAYA)
    async with running(router) as edge, peer(edge, v2=True) as device:
        await device.send(type="ACK", seq=1)
        assert (await device.frame())["data"]["message"].startswith("say HELLO")
        await device.send(
            type="HELLO", token="maya:mac", epoch="epoch-1", after={"user": 2}, platform="macos"
        )
        welcome = await device.frame()
        assert welcome["data"]["queue"]["after"] == 2
        assert welcome["data"]["devices"][0]["platform"] == "macos"
        await device.send(type="HELLO", token="maya:mac")
        kinds = [await device.frame() for _ in range(3)]
        assert {frame["type"] for frame in kinds} == {"CREDIT_UPDATE", "JOINED", "ERROR"}


async def test_silence_instead_of_hello_is_cut() -> None:
    async with running(FakeRouter(), hello_timeout=0.05) as edge, peer(edge, v2=True) as device:
        assert (await device.frame())["data"]["code"] == "hello_timeout"
        assert await device.close_code() == 4003


async def test_without_an_owner_the_attach_times_out_and_the_client_may_come_back() -> None:
    async with (
        running(FakeRouter(), own=False, attach_timeout=0.05) as edge,
        peer(edge, "?token=maya") as device,
    ):
        assert (await device.frame())["data"]["code"] == "attach_timeout"
        assert await device.close_code() == 4001


async def test_a_session_that_came_before_the_owner_is_served_when_it_appears() -> None:
    router = FakeRouter()
    async with running(router, own=False) as edge, peer(edge, "?token=maya") as device:
        await router.own()
        assert (await device.frame())["type"] == "WELCOME"


async def test_a_bad_position_in_the_query_closes_for_good() -> None:
    async with (
        running(FakeRouter()) as edge,
        peer(edge, "?token=maya&epoch=e&after=user:x", v2=True) as device,
    ):
        assert (await device.frame())["data"]["code"] == "invalid_message"
        assert await device.close_code() == 1008


async def test_a_refusal_of_the_router_is_told_with_its_code() -> None:

    router = FakeRouter()
    router.refuse = lambda _: pb.Refused(close_code=4500, reason="the signature is wrong")
    async with running(router) as edge, peer(edge, "?token=maya") as device:
        assert (await device.frame())["data"] == {
            "code": "bad_token",
            "message": "the signature is wrong",
        }
        assert await device.close_code() == 4500


async def test_a_full_edge_turns_devices_away() -> None:
    async with (
        running(FakeRouter(), max_connections=1) as edge,
        welcomed(edge, "maya"),
        peer(edge, "?token=otto") as device,
    ):
        assert await device.close_code() == 4002


async def test_the_newer_connection_of_a_device_wins() -> None:
    async with (
        running(FakeRouter()) as edge,
        welcomed(edge, "maya:mac") as older,
        welcomed(edge, "maya:mac"),
    ):
        assert (await older.frame())["data"]["code"] == "replaced"
        assert await older.close_code() == 4503


async def test_a_device_that_reads_nothing_acknowledges_nothing() -> None:
    router = FakeRouter()
    async with running(router, ack_delay=0.01) as edge, welcomed(edge, "maya:mac") as device:
        router.publish(MAYA)
        await device.frame()
        # A round trip through edge and router later there is still no acknowledgement.
        await device.send(type="UPDATE_PROGRESS", payload={"shootId": "s"})
        await device.frame()
        assert router.cursor("maya", "mac") == 0


async def test_the_window_of_a_v2_device_opens_with_its_acknowledgements() -> None:
    router = FakeRouter()
    async with (
        running(router, window_messages=4, ack_delay=0.01) as edge,
        welcomed(edge, "maya:mac") as device,
    ):
        for _ in range(10):
            router.publish(MAYA)
        assert [f["seq"] for f in await device.frames(4)] == [1, 2, 3, 4]
        await device.send(type="UPDATE_PROGRESS", payload={"shootId": ""}, ref="fence")
        assert (await device.frame())["data"]["ref"] == "fence"
        await device.send(type="ACK", seq=3)
        assert [f["seq"] for f in await device.frames(3)] == [5, 6, 7]
        await device.send(type="ACK", seq=7)
        assert [f["seq"] for f in await device.frames(3)] == [8, 9, 10]
        await device.send(type="ACK", seq=10)
        await router.until(lambda: router.cursor("maya", "mac") == 10)
        router.publish(MAYA)
        assert (await device.frame())["seq"] == 11


@pytest.mark.parametrize("v2", [True, False])
def test_a_device_that_retention_passed_by_is_told_and_a_plain_one_by_its_next_welcome(
    v2: bool,
) -> None:
    hub = make_hub()
    attached(hub, v2=v2)
    hub.link_down("r", 0)
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)

    effects = hub.link_frame("r", subscribed(1, head=9, after=9, recovered=False), 0)

    told = [frame["type"] for frame in written(effects, 1)]
    assert (told, closes(effects)) == ((["RECOVERY_LOST"], []) if v2 else (["ERROR"], [4004]))


def test_a_token_that_cannot_be_read_closes_for_good() -> None:
    hub = make_hub()

    effects = connect(hub, token="x" * 5000)

    assert closes(effects) == [4500]
    assert hub.session_count == 0
