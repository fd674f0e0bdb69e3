"""Who is let in: pages, addresses, and how many at once."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import pytest
import structlog

import kull_gateway.hosts
import kull_protos.common.hosts
from kull_edge.socket.admission import Admission, UpgradeRequest
from kull_edge.socket.config import AdmissionConfig
from kull_protos.common.origins import Origins
from tests.support.fake_router import FakeRouter
from tests.support.until import until
from tests.unit.edge.sockets import (
    RAW_UPGRADE,
    count,
    get,
    http,
    peer,
    round_trip,
    running,
    turned_away,
    welcomed,
)
from tests.unit.gateway.test_origins import PAGES


def admission(**limits: Any) -> Admission:
    for each in ("connections_per_address", "attempts_per_address"):
        limits.setdefault(each, 0)
    return Admission(AdmissionConfig(**limits), origins=Origins())


def request(peer: str = "203.0.113.9", origin: str = "") -> UpgradeRequest:
    return UpgradeRequest(peer=peer, hosts=["sync.example.com"], origin=origin)


def test_edge_and_gateway_have_the_same_rules_about_pages() -> None:
    for origin, host, theirs, allowed in PAGES:
        ours = Origins(allowed=theirs.allowed, local=theirs.local, literal=theirs.literal)
        assert ours.allows(origin, host) is theirs.allows(origin, host) is allowed
    for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "10.0.0.1", "example.com"):
        assert kull_protos.common.hosts.is_loopback(host) is (kull_gateway.hosts.is_loopback(host))


def test_connections_of_one_address_are_counted_and_forgotten() -> None:
    entry = admission(connections_per_address=2)
    assert [entry.admit(number, request(), 0.0) for number in (1, 2)] == [None, None]

    refusal = entry.admit(3, request(), 0.0)
    assert refusal is not None
    assert (refusal.status, refusal.why) == (HTTPStatus.TOO_MANY_REQUESTS, "connections")
    assert entry.admit(4, request("198.51.100.1"), 0.0) is None

    entry.left(1)
    entry.left(1)
    entry.left(3)
    assert entry.admit(5, request(), 0.0) is None


def test_attempts_of_one_address_are_limited_and_told_how_long_to_wait() -> None:
    entry = admission(attempts_per_address=0.5, attempts_burst=2)
    for number in (1, 2):
        assert entry.admit(number, request(), 0.0) is None

    refusal = entry.admit(3, request(), 0.0)

    assert refusal is not None
    assert (refusal.why, refusal.retry_after) == ("attempts", 2)
    assert entry.admit(4, request(), 2.0) is None


def test_networks_that_are_not_counted_are_not() -> None:
    entry = admission(connections_per_address=1, attempts_per_address=0.1, unlimited="127.0.0.0/8")

    assert [entry.admit(number, request("127.0.0.1"), 0.0) for number in range(9)] == [None] * 9


def test_a_foreign_page_is_turned_away() -> None:
    refusal = admission().admit(1, request(origin="https://evil.com"), 0.0)

    assert refusal is not None
    assert (refusal.status, refusal.why) == (HTTPStatus.FORBIDDEN, "origin")
    assert "KULL_ORIGINS" in refusal.reason
    assert admission().admit(1, request(origin="https://sync.example.com"), 0.0) is None


COUNTED: dict[str, Any] = {"unlimited": ""}  # loopback is counted like any other address


async def test_a_foreign_page_cannot_open_a_websocket() -> None:
    async with running(FakeRouter(), origins="https://app.example.com") as edge:
        foreign = await turned_away(edge, origin="https://evil.com")
        assert foreign.response.status_code == 403
        assert b"KULL_ORIGINS" in foreign.response.body
        for page in (None, "https://app.example.com", f"http://127.0.0.1:{edge.port}"):
            async with peer(edge, "?token=maya", origin=page):
                pass
        assert count(edge, "refused", why="origin") == 1


async def test_a_name_that_was_pointed_at_us_opens_no_websocket_without_a_token() -> None:
    async with running(FakeRouter()) as edge:
        rebound = get("/ws?token=maya").replace(
            "Host: x", f"Host: evil.com:{edge.port}\r\nOrigin: http://evil.com:{edge.port}"
        )
        upgrade = RAW_UPGRADE.decode().split("\r\n", 2)[2]
        answer = await http(edge, rebound.rstrip() + "\r\n" + upgrade)

    assert answer.startswith("HTTP/1.1 403 ")


async def test_one_address_gets_its_share_of_connections() -> None:
    async with running(FakeRouter(), connections_per_address=1, **COUNTED) as edge:
        async with welcomed(edge, "maya:mac"):
            refused = await turned_away(edge)
            assert refused.response.status_code == 429
            assert refused.response.headers["Retry-After"] == "30"
        await until(lambda: not edge.session_count, seconds=30)
        async with welcomed(edge, "maya:phone"):
            assert count(edge, "refused", why="connections") == 1


async def test_one_address_gets_its_share_of_attempts_and_is_told_when_to_come_back() -> None:
    async with (
        running(FakeRouter(), attempts_per_address=0.01, attempts_burst=1, **COUNTED) as edge,
        welcomed(edge, "maya:mac"),
    ):
        refused = await turned_away(edge)

    assert refused.response.status_code == 429
    assert 90 <= int(refused.response.headers["Retry-After"]) <= 100


@pytest.mark.parametrize("named", ["198.51.100.{}:4711", "[2001:db8:0:{}::1]:4711"])
async def test_limits_by_address_hold_behind_a_proxy_that_adds_ports(named: str) -> None:
    settings = COUNTED | {"trusted_proxies": "127.0.0.0/8", "connections_per_address": 1}
    async with running(FakeRouter(), **settings) as edge:

        def forwarded(number: int) -> dict[str, str]:
            return {"X-Forwarded-For": f"6.6.6.6:1, {named.format(number)}"}

        async with peer(edge, "?token=maya:mac", additional_headers=forwarded(1)):
            async with peer(edge, "?token=maya:phone", additional_headers=forwarded(2)):
                pass
            refused = await turned_away(edge, additional_headers=forwarded(1))
            assert refused.response.status_code == 429


async def test_a_proxy_that_names_no_address_is_counted_itself_and_told_of_once() -> None:
    settings = COUNTED | {"trusted_proxies": "127.0.0.0/8", "connections_per_address": 1}
    named = {"X-Forwarded-For": "unknown"}
    with structlog.testing.capture_logs() as lines:
        async with (
            running(FakeRouter(), **settings) as edge,
            peer(edge, "?token=maya:mac", additional_headers=named),
        ):
            for _ in range(3):
                refused = await turned_away(edge, additional_headers=named)
                assert refused.response.status_code == 429

    told = [line for line in lines if line["event"] == "forwarded_for_unreadable"]
    assert [line["form"] for line in told] == ["unknown"]


@pytest.mark.parametrize("hosts", [[], ["x", "x"], ["x", "evil.com"]])
async def test_a_request_without_exactly_one_host_opens_no_websocket(hosts: list[str]) -> None:
    async with running(FakeRouter()) as edge:
        headers = "".join(f"Host: {each}\r\n" for each in hosts)
        request = RAW_UPGRADE.decode().replace("Host: x\r\n", headers)
        answer = await http(edge, request)

    assert answer.startswith("HTTP/1.1 400 ")
    assert "Host" in answer


@contextmanager
def many_files(wanted: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} open files, this machine allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_ten_thousand_half_open_handshakes_keep_nobody_out() -> None:
    half = b"GET /ws?token=maya HTTP/1.1\r\n"
    with many_files(12_000):
        async with running(FakeRouter(), handshake_timeout=60.0, handshakes=500) as edge:
            writers = []
            try:
                for number in range(10_000):
                    _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
                    writer.write(half)
                    writers.append(writer)
                    if number % 1000 == 999:
                        async with welcomed(edge, "maya:mac") as device:
                            assert await round_trip(device) < 5
                assert count(edge, "refused", why="handshakes") >= 9_000
            finally:
                for writer in writers:
                    writer.transport.abort()
                await asyncio.gather(
                    *(writer.wait_closed() for writer in writers), return_exceptions=True
                )
