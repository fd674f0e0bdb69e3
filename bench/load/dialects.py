"""What devices say on their WebSocket, by dialect: no sockets, no clock. PURE."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar, Final, Protocol

BEFORE: Final = 0.05  # seconds; what our SDK waited for before edges told that
CENTRIFUGO_USERS: Final = "user"  # namespaces
CENTRIFUGO_ALL: Final = "all"
_OFFSET: Final = re.compile(rb'"offset":(\d+)')


class Device(Protocol):
    """What a conversation may do to its device."""

    name: str
    user: str
    token: str

    def send(self, data: bytes) -> None:
        """Send one WebSocket message."""
        ...

    def ready(self) -> None:
        """Events can come from now on."""
        ...

    def event(self, frame: bytes) -> None:
        """Take something that may be an event; `events.read` decides."""
        ...

    def owes(self, within: float) -> None:
        """Call `acknowledge` within so many seconds, if that is not due already."""
        ...

    def owes_nothing(self) -> None:
        """It need not."""
        ...


class Conversation:
    """One connection. Positions outlive it in the device's `memory`."""

    subprotocol: ClassVar[str] = ""
    binary: ClassVar[bool] = False
    path: ClassVar[str] = "/ws"
    alive: ClassVar[bytes] = b""  # what a device sends after a while of silence, if anything

    def __init__(self, device: Device, memory: dict[str, str | int]) -> None:
        self._device = device
        self._memory = memory

    def opened(self) -> None:
        """The WebSocket is open."""

    def received(self, data: bytes) -> None:
        """A message has come."""
        raise NotImplementedError

    def acknowledge(self) -> None:
        """Acknowledge what was received since."""


class Kull(Conversation):
    """docs/protocol.md, kull.sync.v2. Acknowledges lazily, as our SDK does."""

    subprotocol = "kull.sync.v2"

    def __init__(self, device: Device, memory: dict[str, str | int]) -> None:
        super().__init__(device, memory)
        self._owed: dict[str, int] = {}  # queue -> seq
        self._open = 0  # events
        self._half = 0  # of the window: as many do not wait
        self._delay = 0.0  # seconds

    def opened(self) -> None:
        """See `Conversation.opened`."""
        hello: dict[str, object] = {"type": "HELLO", "token": self._device.token}
        if "epoch" in self._memory:
            after = {name: seq for name, seq in self._memory.items() if name != "epoch"}
            hello |= {"epoch": self._memory["epoch"], "after": after}
        self._device.send(json.dumps(hello).encode())

    def received(self, data: bytes) -> None:
        """See `Conversation.received`."""
        if data.startswith(b'{"seq":'):
            queue = "user"
            if b'"queue":"all"' in data:
                queue = "all"
            seq = int(data[7 : data.index(b",")])
            self._memory[queue] = self._owed[queue] = seq
            self._device.event(data)
            self._open += 1
            if self._open >= self._half:
                self.acknowledge()
                self._device.owes_nothing()
            else:
                self._device.owes(self._delay)
        elif b'"WELCOME"' in data:
            welcome = json.loads(data)["data"]
            self._half = welcome.get("window", 64) // 2
            self._delay = welcome.get("ackDelay", BEFORE)
            self._memory["epoch"] = welcome["epoch"]
            self._memory.setdefault("user", welcome["queue"]["after"])
        elif b'"JOINED"' in data:
            joined = json.loads(data)["data"]
            self._memory.setdefault(joined["queue"], joined["after"])
            self._device.ready()
        elif b'"ERROR"' in data:
            raise RuntimeError(f"the edge refused: {data.decode()}")

    def acknowledge(self) -> None:
        """See `Conversation.acknowledge`."""
        for queue, seq in self._owed.items():
            self._device.send(b'{"type":"ACK","seq":%d,"queue":"%b"}' % (seq, queue.encode()))
        self._owed.clear()
        self._open = 0


class Mqtt(Conversation):
    """MQTT 3.1.1 over WebSocket, QoS 1, persistent session. Each event is acknowledged at once."""

    subprotocol = "mqtt"
    binary = True
    alive = b"\xc0\x00"  # PINGREQ

    def __init__(self, device: Device, memory: dict[str, str | int]) -> None:
        super().__init__(device, memory)
        self._buffer = b""

    def opened(self) -> None:
        """See `Conversation.opened`."""
        who = b"".join(map(_text, (self._device.name, self._device.token, "guest")))
        # Level 4; user name and password, no clean session; a keepalive of 60 s.
        self._device.send(_packet(0x10, _text("MQTT") + b"\x04\xc0\x00\x3c" + who))

    def received(self, data: bytes) -> None:
        """See `Conversation.received`."""
        data = self._buffer + data
        at = 0
        while packet := _next_packet(data, at):
            kind, begin, end = packet
            self._packet(kind, data[begin:end])
            at = end
        self._buffer = data[at:]

    def _packet(self, kind: int, body: bytes) -> None:
        match kind >> 4:
            case 2:  # CONNACK
                if body[1]:
                    raise RuntimeError(f"the broker refused with MQTT code {body[1]}")
                if body[0] & 1:  # the broker has kept the session, and its subscriptions
                    self._device.ready()
                    return
                topics = (f"user/{self._device.user}", "all")
                wanted = b"".join(_text(topic) + b"\x01" for topic in topics)
                self._device.send(_packet(0x82, b"\x00\x01" + wanted))
            case 9:  # SUBACK
                self._device.ready()
            case 3:  # PUBLISH
                at = 2 + int.from_bytes(body[:2])
                self._device.send(b"\x40\x02" + body[at : at + 2])
                self._device.event(body)


class Straight(Conversation):
    """The straight way's own: the broker's delivery tag before the event, and the same tag back."""

    def opened(self) -> None:
        """See `Conversation.opened`."""
        self._device.send(f"{self._device.user} {self._device.name}".encode())

    def received(self, data: bytes) -> None:
        """See `Conversation.received`."""
        tag, _, event = data.partition(b" ")
        if tag == b"ready":
            self._device.ready()
        else:
            self._device.send(tag)
            self._device.event(event)


class SocketIO(Conversation):
    """Socket.IO 5 on Engine.IO 4, WebSocket only. It has no acknowledgement of events."""

    path = "/socket.io/?EIO=4&transport=websocket"

    def received(self, data: bytes) -> None:
        """See `Conversation.received`."""
        match data[:2]:
            case b"42":
                self._device.event(data)
            case b"40":
                self._device.ready()
            case b"2":
                self._device.send(b"3")
            case b"44":
                raise RuntimeError(f"the server refused: {data.decode()}")
            case opening if opening.startswith(b"0"):
                self._device.send(b'40{"user":"%b"}' % self._device.user.encode())


class Centrifugo(Conversation):
    """Centrifugo's protocol in JSON, a message a line. It has no acknowledgement of events.

    The memory has the offset of each channel and, by its name after a space, the epoch: with these
    a subscription goes on where the last connection stood.
    """

    path = "/connection/websocket"

    def __init__(self, device: Device, memory: dict[str, str | int]) -> None:
        super().__init__(device, memory)
        channels = (centrifugo_channel(device.user), centrifugo_channel(""))
        self._subscribing = dict(enumerate(channels, start=2))  # number of the command -> channel

    def opened(self) -> None:
        """See `Conversation.opened`."""
        self._device.send(b'{"id":1,"connect":{"token":"%b"}}' % self._device.token.encode())

    def received(self, data: bytes) -> None:
        """See `Conversation.received`."""
        for line in data.splitlines():
            if line.startswith(b'{"push":{"channel":"') and b'"pub":' in line[:200]:
                self._publication(line)
            elif line == b"{}":  # a ping
                self._device.send(line)
            else:
                self._reply(json.loads(line))

    def _publication(self, line: bytes) -> None:
        channel = line[20 : line.index(b'"', 20)].decode()
        offset = _OFFSET.match(line, line.rindex(b'"offset":'))  # an event may have one of its own
        if offset:
            self._memory[channel] = int(offset[1])
        self._device.event(line)

    def _reply(self, reply: dict[str, Any]) -> None:
        if "connect" in reply:
            commands = (self._subscribe(*each) for each in self._subscribing.items())
            self._device.send(b"\n".join(commands))
        elif "subscribe" in reply:
            self._subscribed(self._subscribing.pop(reply["id"]), reply["subscribe"])
            if not self._subscribing:
                self._device.ready()
        else:  # an error, the end of a subscription, or what we have not asked for
            raise RuntimeError(f"the server refused: {reply}")

    def _subscribe(self, number: int, channel: str) -> bytes:
        wanted: dict[str, object] = {"channel": channel}
        if channel in self._memory:
            epoch = self._memory[f"{channel} epoch"]
            wanted |= {"recover": True, "offset": self._memory[channel], "epoch": epoch}
        return json.dumps({"id": number, "subscribe": wanted}).encode()

    def _subscribed(self, channel: str, result: dict[str, Any]) -> None:
        if result.get("was_recovering") and not result.get("recovered"):
            raise RuntimeError(f"the server has no longer what came to {channel}")
        for publication in result.get("publications", ()):
            self._device.event(json.dumps(publication["data"]).encode())
        self._memory[channel] = result.get("offset", 0)
        self._memory[f"{channel} epoch"] = result.get("epoch", "")


def centrifugo_channel(user: str) -> str:
    """Return the channel of a user, that nobody else may subscribe to; for "" that of everybody."""
    return f"{CENTRIFUGO_USERS}:#{user}" if user else f"{CENTRIFUGO_ALL}:events"


DIALECTS: dict[str, type[Conversation]] = {
    "kull": Kull,
    "mqtt": Mqtt,
    "straight": Straight,
    "socketio": SocketIO,
    "centrifugo": Centrifugo,
}


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2) + raw


def _packet(kind: int, body: bytes) -> bytes:
    size, length = len(body), b""
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([kind]) + length + body


def _next_packet(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Return kind, begin and end of the body of the packet at a position; None if incomplete."""
    size, shift = 0, 0
    for position in range(at + 1, min(at + 5, len(data))):
        size |= (data[position] & 0x7F) << shift
        shift += 7
        if not data[position] & 0x80:
            begin = position + 1
            return (data[at], begin, begin + size) if begin + size <= len(data) else None
    return None
