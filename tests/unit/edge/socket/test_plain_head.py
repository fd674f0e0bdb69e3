"""What is read in one go says what websockets' own reader says, and the rest is left to it."""

from __future__ import annotations

import random

import pytest
from websockets.http11 import Request

from kull_edge.socket import plain_head, upgrade
from kull_edge.socket.config import ConnectionConfig
from kull_edge.socket.plain_head import PlainHead

PEER = "203.0.113.9"
BROWSER = (
    b"GET /ws?token=a%20b&epoch=e&after=user:3 HTTP/1.1\r\nHost: sync.example.com:8443\r\n"
    b"Connection: keep-alive, Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    b"Upgrade: websocket\r\nOrigin: https://app.example.com\r\nSec-WebSocket-Version: 13\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: de,en;q=0.9\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-For: 198.51.100.7, 10.0.0.3\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    b"Sec-WebSocket-Protocol: kull.sync.v2, kull.token.e30\r\n\r\n"
)
PROGRAM = (
    b"GET /ws HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nupgrade: WebSocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version:13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
HEADS = (BROWSER, PROGRAM)


def read(head: bytes) -> PlainHead | None:
    return plain_head.read(head, PEER, compression=False)


def by_websockets(head: bytes) -> PlainHead | None:
    """Return what the library makes of a head; None: no WebSocket."""
    ws = upgrade.server_protocol(ConnectionConfig())
    ws.receive_data(head)
    requests = [event for event in ws.events_received() if isinstance(event, Request)]
    if not requests:
        return None
    answer = upgrade.response(ws, requests[0], None)
    if answer.status_code != 101:
        return None
    del answer.headers["Date"]  # of use in other answers only (RFC 9110, 6.6.1)
    return PlainHead(
        upgrade.read_upgrade(PEER, requests[0]),
        upgrade.read_handshake(requests[0]),
        answer.serialize(),
    )


def changed(head: bytes, rng: random.Random) -> bytes:
    """Return a head with a byte, or a line, that is another, twice there or gone."""
    lines = head[:-4].split(b"\r\n")
    place = rng.randrange(len(lines))
    line = bytearray(lines[place])
    at = rng.randrange(len(line))
    match rng.randrange(7):
        case 0:
            line[at] = rng.randrange(256)
        case 1:
            line.insert(at, rng.choice(b" \t\r\n\0:,;=\x7f\xffA"))
        case 2:
            del line[at]
        case 3:
            return b"\r\n".join([*lines, lines[place], b"", b""])
        case 4:
            return b"\r\n".join([*lines[:place], *lines[place + 1 :], b"", b""])
        case 5:
            line += rng.choice((b" ", b"\t", b",", b"\r", b"\n", b"; a"))
        case 6:
            more = (b"Content-Length: 1", b"Transfer-Encoding: chunked", b"Origin: null", b": x")
            lines.append(rng.choice(more))
    lines[place] = bytes(line)
    return b"\r\n".join([*lines, b"", b""])


@pytest.mark.parametrize("head", HEADS)
def test_the_heads_of_browsers_and_programs_are_read_as_websockets_reads_them(head: bytes) -> None:
    assert read(head) == by_websockets(head) is not None


@pytest.mark.parametrize("head", HEADS)
def test_a_head_that_is_changed_is_read_in_the_same_way_or_left_to_websockets(head: bytes) -> None:
    rng = random.Random(1)
    taken = 0
    for _ in range(1_500):
        other = changed(head, rng)
        mine = read(other)
        if mine is not None:
            taken += 1
            assert mine == by_websockets(other), other
    assert taken > 50, "most changes of a value leave a right head"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"GET", b"POST"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"Version: 13", b"Version: 8"),
        (b"keep-alive, Upgrade", b"keep-alive"),
        (b"Upgrade: websocket", b"Upgrade: h2c"),
        (b"jZQ==", b"jZQ="),
        (b"Origin: ", b"Host: second\r\nOrigin: "),
        (b"Pragma: no-cache", b"Content-Length: 1"),
        (b"Pragma: no-cache", b"Transfer-Encoding: chunked"),
        (b"Pragma: no-cache", b"Pragma: \xc3\xa9"),
        (b"Pragma: no-cache", b"Pragma: a\r\n folded"),
        (b"Pragma: no-cache", b"Pragma: " + 8_192 * b"a"),
        (b"kull.sync.v2,", b"kull sync,"),
    ],
)
def test_what_is_unusual_or_wrong_is_left_to_websockets(old: bytes, new: bytes) -> None:
    assert old in BROWSER
    assert read(BROWSER.replace(old, new)) is None


def test_compression_is_negotiated_by_websockets() -> None:
    assert plain_head.read(BROWSER, PEER, compression=True) is None
    assert plain_head.read(PROGRAM, PEER, compression=True) is not None
