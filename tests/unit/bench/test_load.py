"""The load generator says what it should, in every dialect."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from bench import cpu
from bench.job import EVENT_BYTES, Job
from bench.load import events
from bench.load.counters import Counters
from bench.load.dialects import Centrifugo, Kull, Mqtt, SocketIO, Straight
from bench.load.outlets import Route
from bench.load.redis_outlet import RedisOutlet
from tests.support.until import until


class RecordingDevice:
    name, user, token = "user-7-0", "user-7", "secret"

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.events: list[events.Seen | None] = []
        self.is_ready = False
        self.is_owing = False

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def ready(self) -> None:
        self.is_ready = True

    def event(self, frame: bytes) -> None:
        self.events.append(events.read(frame))

    def owes(self, within: float) -> None:
        self.is_owing = True

    def owes_nothing(self) -> None:
        self.is_owing = False


def body(user: str = "user-7", *, sent: int = 12, number: int = 3) -> bytes:
    template = events.message(user).body
    return events.fill(template, event_id=b"0" * 24, sent=sent, number=number)


def test_an_event_has_the_size_of_the_job_and_says_when_it_was_sent() -> None:
    for user in ("user-00001", events.EVERYBODY):
        filled = body(user, sent=1_234_567, number=42)

        assert len(filled) == EVENT_BYTES
        assert json.loads(filled)["id"] == "0" * 24
        assert events.read(filled) == (1_234_567, 42)


def test_amqp_frames_are_filled_like_bodies() -> None:
    route = Route(url="amqp://localhost/", exchange="amq.topic", key="user.{user}")

    template = events.frames(route.message("user-7"))
    filled = events.fill(template, event_id=b"7" * 24, sent=5, number=6)

    assert len(filled) == len(template)
    assert b"user.user-7" in filled
    assert filled.count(b"7" * 24) == 2  # the message id, and the id in the body
    assert events.read(filled) == (5, 6)


def test_what_is_no_event_is_not_read_as_one() -> None:
    assert events.read(b'{"type":"WELCOME","data":{}}') is None


def test_kull_continues_where_it_stood_and_acknowledges_cumulatively() -> None:
    device, memory = RecordingDevice(), dict[str, str | int]()
    talk = Kull(device, memory)
    talk.opened()
    assert "after" not in json.loads(device.sent.pop())
    talk.received(b'{"type":"WELCOME","data":{"epoch":"e","queue":{"after":4}}}')
    assert not device.is_ready
    talk.received(b'{"type":"JOINED","data":{"queue":"all","after":9}}')
    assert device.is_ready

    for seq in (5, 6):
        talk.received(b'{"seq":%d,' % seq + body()[1:])
    talk.received(b'{"seq":10,"queue":"all",' + body(events.EVERYBODY)[1:])
    talk.acknowledge()
    talk.acknowledge()

    assert device.events == [(12, 3)] * 3
    assert list(map(json.loads, device.sent)) == [
        {"type": "ACK", "seq": 6, "queue": "user"},
        {"type": "ACK", "seq": 10, "queue": "all"},
    ]
    Kull(device, memory).opened()
    hello = json.loads(device.sent[-1])
    assert (hello["epoch"], hello["after"]) == ("e", {"user": 6, "all": 10})


def test_mqtt_subscribes_once_and_acknowledges_each_event_however_bytes_are_cut() -> None:
    device = RecordingDevice()
    talk = Mqtt(device, {})
    talk.opened()
    assert device.sent.pop().startswith(b"\x10")
    talk.received(b"\x20\x02\x00\x00")
    assert b"user/user-7\x01" in device.sent.pop()
    talk.received(b"\x90\x04\x00\x01\x01\x01")
    assert device.is_ready

    content = b"\x00\x0buser/user-7\x40\x23" + body()  # 0x40 is an @: a packet id may hold one
    publish = b"\x32" + bytes([len(content) & 0x7F | 0x80, len(content) >> 7]) + content
    for piece in (publish[:1], publish[1:100], publish[100:] + publish):
        talk.received(piece)

    assert device.events == [(12, 3)] * 2
    assert device.sent == [b"\x40\x02\x40\x23"] * 2


def test_mqtt_does_not_subscribe_again_in_a_kept_session() -> None:
    device = RecordingDevice()
    talk = Mqtt(device, {})
    talk.received(b"\x20\x02\x01\x00")

    assert device.is_ready
    assert device.sent == []


def test_the_straight_way_gets_its_tag_back() -> None:
    device = RecordingDevice()
    talk = Straight(device, {})
    talk.received(b"ready")
    talk.received(b"17 " + body())

    assert device.is_ready
    assert device.sent == [b"17"]
    assert device.events == [(12, 3)]


def test_socketio_answers_pings_and_names_its_user() -> None:
    device = RecordingDevice()
    talk = SocketIO(device, {})
    for frame in (b'0{"sid":"a"}', b'40{"sid":"b"}', b"2", b'42["event",' + body() + b"]"):
        talk.received(frame)

    assert device.is_ready
    assert device.sent == [b'40{"user":"user-7"}', b"3"]
    assert device.events == [(12, 3)]


CENTRIFUGO_USER, CENTRIFUGO_ALL = "user:#user-7", "all:events"


def pushed(channel: str, event: bytes, offset: int) -> bytes:
    push = b'{"push":{"channel":"%b","pub":{"data":%b,"offset":%d,"epoch":"e"}}}'
    return push % (channel.encode(), event, offset)


def subscribed(number: int, **result: object) -> bytes:
    return json.dumps({"id": number, "subscribe": result}).encode()


def test_centrifugo_subscribes_to_its_user_and_to_all_and_answers_pings() -> None:
    device = RecordingDevice()
    talk = Centrifugo(device, {})
    talk.opened()
    assert json.loads(device.sent.pop()) == {"id": 1, "connect": {"token": "secret"}}
    talk.received(b'{"id":1,"connect":{"client":"c","ping":25,"pong":true}}')
    commands = [json.loads(line) for line in device.sent.pop().split(b"\n")]
    assert commands == [
        {"id": 2, "subscribe": {"channel": CENTRIFUGO_USER}},
        {"id": 3, "subscribe": {"channel": CENTRIFUGO_ALL}},
    ]
    talk.received(subscribed(2, epoch="e", offset=4))
    assert not device.is_ready
    talk.received(subscribed(3, epoch="f"))
    assert device.is_ready

    talk.received(
        pushed(CENTRIFUGO_USER, body(), 5) + b"\n{}\n" + pushed(CENTRIFUGO_ALL, body(), 1)
    )

    assert device.events == [(12, 3)] * 2
    assert device.sent == [b"{}"]


def test_centrifugo_goes_on_where_it_stood_with_what_came_meanwhile() -> None:
    device, memory = RecordingDevice(), dict[str, str | int]()
    talk = Centrifugo(device, memory)
    talk.received(b'{"id":1,"connect":{}}')
    talk.received(subscribed(2, epoch="e", offset=4) + b"\n" + subscribed(3, epoch="f"))
    talk.received(pushed(CENTRIFUGO_USER, body(), 5))

    again = Centrifugo(device, memory)
    again.received(b'{"id":1,"connect":{}}')
    commands = [json.loads(line)["subscribe"] for line in device.sent.pop().split(b"\n")]
    assert commands[0] == {"channel": CENTRIFUGO_USER, "recover": True, "offset": 5, "epoch": "e"}
    assert commands[1] == {"channel": CENTRIFUGO_ALL, "recover": True, "offset": 0, "epoch": "f"}
    missed = [{"data": json.loads(body(number=number)), "offset": 2 + number} for number in (4, 5)]
    again.received(
        subscribed(2, epoch="e", offset=7, was_recovering=True, recovered=True, publications=missed)
    )

    assert device.events == [(12, 3), (12, 4), (12, 5)]
    assert memory[CENTRIFUGO_USER] == 7


@pytest.mark.parametrize(
    "reply",
    [
        subscribed(2, epoch="g", offset=9, was_recovering=True, recovered=False),
        b'{"id":2,"error":{"code":103,"message":"permission denied"}}',
        b'{"push":{"channel":"user:#user-7","unsubscribe":{"code":2500}}}',
    ],
)
def test_what_centrifugo_lost_or_refused_is_no_delivery(reply: bytes) -> None:
    talk = Centrifugo(RecordingDevice(), {})
    talk.received(b'{"id":1,"connect":{}}')

    with pytest.raises(RuntimeError):
        talk.received(reply)


async def test_redis_gets_what_the_streams_adapter_of_socketio_would_write() -> None:
    commands, ended = asyncio.Queue[bytes](), asyncio.Event()

    async def redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = int((await reader.readline())[1:])
        for _ in range(words):
            size = int((await reader.readline())[1:])
            commands.put_nowait((await reader.readexactly(size + 2))[:-2])
        writer.write(b"$3\r\n1-0\r\n")
        await writer.drain()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with asyncio.timeout(30), await asyncio.start_server(redis, "127.0.0.1", 0) as server:
        outlet = RedisOutlet(server.sockets[0].getsockname()[1])
        await outlet.open()
        outlet.publish("user-7", event_id=b"7" * 24, sent=5, number=6)
        words = [await commands.get() for _ in range(14)]
        await until(lambda: not outlet.unconfirmed)
        await outlet.aclose()
        await ended.wait()

    assert words[:6] == [b"XADD", b"socket.io", b"MAXLEN", b"~", b"10000", b"*"]
    fields = dict(zip(words[6::2], words[7::2], strict=True))
    data = json.loads(fields.pop(b"data"))
    assert fields == {b"uid": b"bench", b"nsp": b"/", b"type": b"3"}
    assert data["opts"]["rooms"] == ["user-7"]
    assert data["packet"]["data"][1]["id"] == "7" * 24


def test_python_socketio_gets_its_own_command() -> None:
    route = Route(url="amqp://localhost/", exchange="socketio", key="*", socketio=True)

    command = json.loads(route.message("user-7").body)

    assert (command["method"], command["room"]) == ("emit", "user-7")
    assert command["data"][0]["userId"] == "user-7"


def test_counters_are_seen_through_every_opening_of_the_file(tmp_path: Path) -> None:
    one, other = Counters(tmp_path / "c"), Counters(tmp_path / "c")
    one[0], other[3] = 5, 2**40

    assert one.total() == other.total() == 5 + 2**40


def test_cpu_time_of_a_tree_grows_with_work_and_a_dead_one_has_none() -> None:
    before = cpu.cpu_seconds(os.getpid())
    while cpu.cpu_seconds(os.getpid()) - before < 2 * cpu.TICK:
        sum(range(100_000))

    assert os.getpid() in cpu.tree(os.getppid())
    assert cpu.memory_bytes(os.getpid()) > 2**20
    assert cpu.cpu_seconds(2**30) == 0


def test_every_device_of_a_job_has_its_user() -> None:
    job = Job(devices=6, per_user=3)

    assert [user for _, user in job.pairs] == ["user-00000"] * 3 + ["user-00001"] * 3
    assert len({name for name, _ in job.pairs}) == 6
