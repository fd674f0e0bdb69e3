"""Devices on real sockets against a running edge."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from kull_edge.errors import CannotListen
from kull_edge.node import Edge
from kull_edge.settings import EdgeSettings
from tests.support.fake_router import FakeRouter, World
from tests.unit.edge.sockets import V2, peer, running, welcomed

MAYA = "user:maya"
RAW_UPGRADE = (
    b"GET /ws?token=otto HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def http(edge: Edge, request: str) -> str:
    """Send raw bytes and return everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(request.encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


def get(path: str) -> str:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"


# HTTP


async def test_health_and_wrong_paths_are_answered() -> None:
    router = FakeRouter()
    async with running(router, own=False) as edge:
        assert (await http(edge, get("/livez"))).startswith("HTTP/1.1 200 ")
        assert (await http(edge, get("/readyz"))).startswith("HTTP/1.1 503 ")
        assert (await http(edge, get("/elsewhere"))).startswith("HTTP/1.1 404 ")
        assert (await http(edge, get("/ws?token=maya"))).startswith("HTTP/1.1 426 ")
        assert "400" in (await http(edge, "POST /ws HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"))[:15]
        await router.own()
        async with welcomed(edge, "maya:mac"):
            assert (await http(edge, get("/readyz"))).startswith("HTTP/1.1 200 ")


async def test_a_request_head_is_bounded_in_size_and_time() -> None:
    async with running(FakeRouter(), handshake_timeout=0.05) as edge:
        assert "431" in (await http(edge, "GET / HTTP/1.1\r\n" + "x" * 20_000))[:15]
        assert await http(edge, "GET / HTTP/1.1\r\n") == ""


class Echo(asyncio.Protocol):
    """A fallback that answers with the request it got."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"echo:" + data)
        self.transport.close()


async def test_everything_but_ws_goes_to_the_fallback_with_its_body() -> None:
    request = "POST /upload HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    async with running(FakeRouter(), http_fallback=Echo) as edge:
        assert await http(edge, request) == f"echo:{request}"
        async with welcomed(edge, "maya"):
            pass


async def test_uvicorn_can_be_the_fallback() -> None:
    from uvicorn.config import Config
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.server import ServerState

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": body.upper()})

    config = Config(app, lifespan="off", log_config=None)
    config.load()
    state = ServerState()

    def fallback() -> asyncio.Protocol:
        return H11Protocol(config=config, server_state=state, app_state={})

    request = "POST /up HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
    async with running(FakeRouter(), http_fallback=fallback) as edge:
        answer = await http(edge, request)
    assert answer.startswith("HTTP/1.1 201")
    assert answer.endswith("ABC\r\n0\r\n\r\n")


async def test_a_port_in_use_is_a_clear_error() -> None:
    async with running(FakeRouter()) as edge:
        with pytest.raises(CannotListen, match=rf"{edge.port}.*KULL_EDGE_PORT"):
            async with Edge(EdgeSettings(port=edge.port), links=[]):
                pass


async def test_a_bad_router_address_is_named() -> None:
    with pytest.raises(ValueError, match=r"'nowhere' is not host:port"):
        EdgeSettings(routers="router-1:7400,nowhere")


# Handshake


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
    from kull_protos.mesh.v1 import attach_pb2 as pb

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


# Bad frames


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


async def test_binary_oversized_and_undecodable_frames_close_with_their_codes() -> None:
    async with running(FakeRouter()) as edge:
        async with welcomed(edge, "maya") as device:
            await device.socket.send(b"\x00")
            assert (await device.frame())["data"]["code"] == "binary_frame"
            assert await device.close_code() == 1003
        async with welcomed(edge, "maya") as device:
            await device.socket.send("x" * 65_537)
            assert await device.close_code() == 1009
        async with welcomed(edge, "maya") as device:
            await device.socket.send(["x" * 40_000, "x" * 40_000])
            assert await device.close_code() == 1009
        async with welcomed(edge, "maya") as device:
            await device.socket.send(b"\xff\xfe", text=True)
            assert await device.close_code() == 1007


async def test_a_message_in_fragments_is_one_message() -> None:
    async with running(FakeRouter()) as edge, welcomed(edge, "maya") as device:
        await device.socket.send(['{"type":"UPDATE_PROGRESS",', '"payload":{"shootId":"s"}}'])
        assert (await device.frame())["type"] == "ACCEPTED"


# Delivery


async def test_pushes_reach_every_device_of_the_address_and_nobody_else() -> None:
    router = FakeRouter()
    async with (
        running(router) as edge,
        welcomed(edge, "maya:mac") as mac,
        welcomed(edge, "maya:phone") as phone,
        welcomed(edge, "otto:pc") as pc,
    ):
        entry = router.publish(MAYA)
        router.publish("all")
        for device in (mac, phone):
            assert await device.socket.recv() == entry.message.decode()
            assert (await device.frame())["queue"] == "all"
        assert (await pc.frame())["queue"] == "all"


async def test_a_plain_device_acknowledges_with_pongs() -> None:
    router = FakeRouter()
    async with running(router, ack_delay=0.01) as edge, peer(edge, "?token=maya:mac") as device:
        assert (await device.frame())["type"] == "WELCOME"
        for seq in range(1, 4):
            router.publish(MAYA)
            assert (await device.frame())["seq"] == seq
        await router.until(lambda: router.cursor("maya", "mac") == 3)


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
        running(router, window_frames=4, ack_delay=0.01) as edge,
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


async def test_ephemeral_frames_are_forwarded_as_they_are() -> None:
    router = FakeRouter()
    async with running(router) as edge, welcomed(edge, "maya:mac") as mac:
        router.ephemeral(MAYA, '{"type":"TYPING"}')
        assert (await mac.frame()) == {"type": "TYPING"}


@pytest.mark.parametrize("window_bytes", [262_144, 2**30])
async def test_a_slow_reader_grows_no_memory_and_gets_everything_later(window_bytes: int) -> None:
    router = FakeRouter()
    events, size = 400, 20_000
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    async with running(
        router, ack_delay=0.01, window_frames=1000, window_bytes=window_bytes
    ) as edge:
        narrow.connect(("127.0.0.1", edge.port))
        # The slow one stops reading after one message.
        async with (
            peer(edge, "?token=maya:mac", max_queue=1, sock=narrow) as slow,
            welcomed(edge, "maya:phone") as quick,
        ):
            assert (await slow.frame())["type"] == "WELCOME"
            for seq in range(1, events + 1):
                router.publish(MAYA, size=size)
                assert (await quick.frame())["seq"] == seq
                await quick.send(type="ACK", seq=seq)
            buffered = [
                held._transport.get_write_buffer_size()
                for held in edge._connections.values()
                if held._transport
            ]
            assert max(buffered) <= 65_536 + 2 * size
            assert edge._hub.catching_up() == 1
            assert [f["seq"] for f in await slow.frames(events)] == list(range(1, events + 1))


async def test_a_peer_that_floods_and_reads_nothing_is_cut() -> None:
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    unlimited: dict[str, Any] = {
        "message_rate": 0.0,
        "byte_rate": 0.0,
    }  # else it would be slowed before
    async with running(FakeRouter(), window_bytes=1024, write_high=1024, **unlimited) as edge:
        narrow.connect(("127.0.0.1", edge.port))
        reader, writer = await asyncio.open_connection(sock=narrow, limit=1024)
        writer.write(RAW_UPGRADE)
        await reader.readuntil(b"WELCOME")
        ping = b"\x89\xfd" + bytes(4) + bytes(125)  # each wants a pong
        async with asyncio.timeout(20):
            with pytest.raises(OSError, match=r"reset|Broken pipe|lost"):
                while True:
                    writer.write(ping * 100)
                    await writer.drain()
        writer.close()


# Ends


async def test_the_newer_connection_of_a_device_wins() -> None:
    async with (
        running(FakeRouter()) as edge,
        welcomed(edge, "maya:mac") as older,
        welcomed(edge, "maya:mac"),
    ):
        assert (await older.frame())["data"]["code"] == "replaced"
        assert await older.close_code() == 4503


async def test_a_dead_peer_is_cut_and_a_quiet_one_is_not() -> None:
    async with (
        running(FakeRouter(), keepalive=0.1, pong_timeout=0.1) as edge,
        welcomed(edge, "maya:mac") as quiet,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(RAW_UPGRADE)
        async with asyncio.timeout(5):
            with suppress(ConnectionResetError):
                while await reader.read(65_536):  # takes everything, answers no ping
                    pass
        writer.close()
        await quiet.send(type="UPDATE_PROGRESS", payload={"shootId": "s"})
        assert (await quiet.frame())["type"] == "ACCEPTED"
        assert edge.session_count == 1


async def test_stopping_sends_devices_elsewhere_and_leaves_nothing_behind() -> None:
    router = FakeRouter()
    async with running(router, ack_delay=5) as edge:
        connecting = connect(f"{edge.url}?token=maya:mac", subprotocols=[V2], compression=None)
        device = await connecting
        await device.recv()
        await device.recv()
        router.publish(MAYA)
        await device.recv()
        await device.send('{"type":"ACK","seq":1}')
        await device.send('{"type":"UPDATE_PROGRESS","payload":{"shootId":"s"}}')
        await device.recv()
        url = edge.url
    reconnect = json.loads(await device.recv())
    assert reconnect["type"] == "RECONNECT"
    assert 0 <= reconnect["data"]["after"] < 1000
    await device.wait_closed()
    assert device.close_code == 4000
    # The acknowledgement that was still collected has been flushed, the session unsubscribed.
    # Its own progress, which it did not get, counts as acknowledged with it.
    assert router.cursor("maya", "mac") == 2
    kinds = [request.WhichOneof("frame") for request in router.requests]
    assert kinds.count("unsubscribe") == 2
    with pytest.raises(OSError, match="Connect call failed"):
        await connect(url)


async def test_a_device_that_does_not_answer_the_close_does_not_hold_up_the_stop() -> None:
    router = FakeRouter()
    async with running(router, close_timeout=0.1) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(RAW_UPGRADE)
        await reader.readuntil(b"WELCOME")
    writer.close()


# Ownership


async def test_when_the_stream_is_cut_sockets_stay_open_and_nothing_is_lost() -> None:
    router = FakeRouter()
    async with running(router, ack_delay=0.01) as edge, welcomed(edge, "maya:mac") as device:
        router.publish(MAYA)
        assert (await device.frame())["seq"] == 1
        router.cut()
        router.store(MAYA)
        assert (await device.frame())["seq"] == 2
        await device.send(type="ACK", seq=2)
        await router.until(lambda: router.cursor("maya", "mac") == 2)
        subscribes = [
            r.subscribe
            for r in router.requests
            if r.HasField("subscribe") and r.subscribe.address == MAYA
        ]
        assert subscribes[1].position.seq in (0, 1)
        assert subscribes[1].generation.counter == 1


async def test_when_ownership_moves_sessions_follow_it() -> None:
    world = World()
    first = FakeRouter(world, router_id="router-1")
    second = FakeRouter(world, router_id="router-2")
    async with running(first, second) as edge, welcomed(edge, "maya:mac") as device:
        first.publish(MAYA)
        assert (await device.frame())["seq"] == 1
        await second.own()
        second.store(MAYA)
        assert (await device.frame())["seq"] == 2
        # The first router has not noticed: what it still pushes is of an older term.
        first.push(MAYA, first.store(MAYA))
        second.push(MAYA, world.logs[MAYA][-1])
        second.publish(MAYA)
        assert [f["seq"] for f in await device.frames(2)] == [3, 4]


async def test_another_epoch_ends_the_session_so_that_it_starts_anew() -> None:
    router = FakeRouter()
    async with running(router) as edge, welcomed(edge, "maya:mac") as device:
        router.world.epoch = "epoch-2"
        router.cut()
        assert (await device.frame())["data"]["code"] == "resubscribe"
        assert await device.close_code() == 4004


# Compression


async def test_compression_is_negotiated_when_it_is_on_and_inflates_within_bounds() -> None:
    router = FakeRouter()
    async with (
        running(router, compression=True) as edge,
        connect(f"{edge.url}?token=maya:mac", subprotocols=[V2]) as device,
    ):
        assert device.protocol.extensions
        await device.recv()
        await device.recv()
        for _ in range(3):
            entry = router.publish(MAYA, size=2000)
            assert await device.recv() == entry.message.decode()
        # A bomb: it is small on the wire and over the limit once inflated.
        await device.send("x" * 1_000_000)
        with pytest.raises(ConnectionClosed, match="1009"):
            await device.recv()


async def test_compression_is_off_by_default() -> None:
    async with running(FakeRouter()) as edge, connect(f"{edge.url}?token=maya") as device:
        assert not device.protocol.extensions


async def test_wrong_path_is_refused_in_the_handshake() -> None:
    async with running(FakeRouter()) as edge:
        with pytest.raises(InvalidStatus, match="404"):
            await connect(f"{edge.url}/elsewhere")


async def test_closed_connections_leave_no_state() -> None:
    router = FakeRouter()
    async with running(router) as edge:
        for _ in range(20):
            async with welcomed(edge, "maya"):
                pass
        await router.until(lambda: not router.attached)
        gc.collect()
        assert edge.session_count == 0
        assert edge._hub.queue_count == 0
        assert edge._hub.next_at is None or len(edge._hub._timers) <= 1
