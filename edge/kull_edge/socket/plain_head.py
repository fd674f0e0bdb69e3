"""The heads of upgrade requests as nearly every client writes them, read in one go.

What is unusual in any way is left to websockets' own reader, which takes and refuses far more, and
needs several times as long. `tests/unit/edge/socket/test_plain_head.py` compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from websockets.exceptions import InvalidHeader
from websockets.headers import parse_subprotocol
from websockets.utils import accept_key

from kull_edge.protocol import handshake
from kull_edge.protocol.handshake import Handshake
from kull_edge.socket.admission import UpgradeRequest
from kull_protos.contract.subprotocols import V2

VERSION: Final = "13"  # of the WebSocket protocol
_MOST: Final = 8_192  # bytes; websockets takes no line that is longer
_REQUEST: Final = re.compile(r"GET (/[!-~]*) HTTP/1\.1")
_FIELD: Final = re.compile(r"([A-Za-z0-9-]+): ?([!-~](?:[ -~]*[!-~])?)")
_CONNECTION: Final = re.compile(r"(?:keep-alive, ?)?upgrade", re.IGNORECASE)
_KEY: Final = re.compile(r"[A-Za-z0-9+/]{22}==")
_BODY: Final = frozenset({"content-length", "transfer-encoding"})
_ANSWER: Final = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: "
)
_CHOSEN: Final = f"\r\nSec-WebSocket-Protocol: {V2}"


class PlainHead(NamedTuple):
    """A request that is right as far as the WebSocket protocol goes.

    `answer` takes it; whether that may be given is the admission's to say.
    """

    upgrade: UpgradeRequest
    handshake: Handshake
    answer: bytes


def read(head: bytes, peer: str, *, compression: bool) -> PlainHead | None:
    """Return what a head says, up to its empty line; None: somebody else must read it.

    compression: whether that may be negotiated, which is not done here.
    """
    fields = _fields(head)
    if fields is None or (compression and "sec-websocket-extensions" in fields):
        return None
    try:
        offers = fields.get("sec-websocket-protocol")
        offered = parse_subprotocol(offers) if offers else []
    except InvalidHeader:
        return None
    accepted = accept_key(fields["sec-websocket-key"])
    forwarded = fields.get("x-forwarded-for")
    return PlainHead(
        UpgradeRequest(
            peer=peer,
            hosts=[fields["host"]],
            origin=fields.get("origin", ""),
            forwarded=[forwarded] if forwarded else [],
        ),
        handshake.read(fields[""], offered),
        f"{_ANSWER}{accepted}{_CHOSEN if V2 in offered else ''}\r\n\r\n".encode(),
    )


def _fields(head: bytes) -> Mapping[str, str] | None:
    """Return the header's fields by small letters, the target as that without a name."""
    if len(head) > _MOST or not head.isascii() or not head.endswith(b"\r\n\r\n"):
        return None
    first, *lines = head[:-4].decode().split("\r\n")
    request = _REQUEST.fullmatch(first)
    if request is None:
        return None
    fields = {"": request[1]}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            return None
        fields[field[1].lower()] = field[2]
    once = len(fields) == len(lines) + 1 and "host" in fields and not _BODY & fields.keys()
    return fields if once and _upgrades(fields) else None


def _upgrades(fields: Mapping[str, str]) -> bool:
    return bool(
        fields.get("upgrade", "").lower() == "websocket"
        and fields.get("sec-websocket-version") == VERSION
        and _CONNECTION.fullmatch(fields.get("connection", ""))
        and _KEY.fullmatch(fields.get("sec-websocket-key", ""))
    )
