"""Requests whose target is a whole address."""

from __future__ import annotations

import pytest

from kull_protos.common.request_target import origin_form


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        (b"http://sync.example.com/livez", b"/livez", b"sync.example.com"),
        (b"HTTPS://sync.example.com:443/ws?token=a", b"/ws?token=a", b"sync.example.com:443"),
        (b"http://[::1]:5000/ws", b"/ws", b"[::1]:5000"),
        (b"http://sync.example.com", b"/", b"sync.example.com"),
        (b"http://sync.example.com?a=1", b"/?a=1", b"sync.example.com"),
        (b"http://me:secret@sync.example.com/", b"/", b"sync.example.com"),
    ],
)
def test_a_whole_address_is_its_path_on_its_host(target: bytes, path: bytes, host: bytes) -> None:
    head = b"GET %s HTTP/1.1\r\nAccept: */*\r\nhOST:other\r\nX: y\r\n\r\n" % target

    assert origin_form(head) == (
        b"GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nX: y\r\n\r\n" % (path, host)
    )


@pytest.mark.parametrize(
    "line", [b"GET /http://x/ HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET ftp://x/ HTTP/1.1", b"", b"x"]
)
def test_any_other_request_stays_as_it_is(line: bytes) -> None:
    head = line + b"\r\nHost: a\r\n\r\n"

    assert origin_form(head) == head


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nhOST:b\r\n"])
def test_without_one_host_it_stays_as_it_is_for_who_refuses_it(hosts: bytes) -> None:
    head = b"GET http://sync.example.com/ws HTTP/1.1\r\n%sX: y\r\n\r\n" % hosts

    assert origin_form(head) == head


def test_an_address_ends_with_its_line() -> None:
    head = b"GET http://h\r\nFoo: b c\r\nHost: a\r\n\r\n"

    assert origin_form(head) == head
