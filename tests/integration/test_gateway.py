"""The HTTP triggers as a process of their own, on a real RabbitMQ."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from kull_gateway import service_token
from kull_producers.events import topology
from tests.support.brokers import RabbitRig, take
from tests.support.ports import free_port
from tests.support.processes import Processes
from tests.support.tcp_proxy import TcpProxy

SECRET = "a-service-secret-of-32-bytes-or-more"


@asynccontextmanager
async def gateway(
    amqp_url: str, port: int, **more: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a gateway, and make sure that it ends."""
    settings = {
        "KULL_AMQP_URL": amqp_url,
        "KULL_SERVICE_SECRET": SECRET,
        "KULL_SHARD_COUNT": "2",
        "KULL_GATEWAY_PORT": str(port),
        **more,
    }
    async with Processes() as processes:
        yield await processes.start_async(
            sys.executable,
            *("-m", "kull_mesh", "gateway"),
            env=settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


async def until_ready(client: httpx.AsyncClient) -> None:
    """Wait until the gateway answers that it is ready."""
    async with asyncio.timeout(20):
        while True:
            try:
                if (await client.get("/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)  # not listening yet


@pytest.mark.rabbitmq
async def test_a_posted_event_is_in_rabbitmq_when_the_answer_comes(amqp_url: str) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        rig = RabbitRig(stack, amqp_url)
        broker = await rig.router(2)
        await rig.third_party(topology.CREDIT)
        process = await stack.enter_async_context(gateway(amqp_url, port))
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")
        )
        await until_ready(client)

        answer = await client.post(
            "/api/sync/credit-update",
            json={"userId": "ada", "newBalance": 5, "change": 5, "reason": "Test"},
            headers={
                "Authorization": f"Bearer {service_token(SECRET)}",
                "Idempotency-Key": "order-7",
            },
        )

        assert (answer.status_code, answer.json()) == (202, {"id": "order-7"})
        channel = await broker.consume("audit", single_active=False, prefetch=1)
        [delivery] = await take(channel, 1)
        assert delivery.message.message_id == "order-7"

        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0


@asynccontextmanager
async def behind_a_proxy(amqp_url: str, **more: str) -> AsyncIterator[tuple[Any, ...]]:
    """Run a gateway whose RabbitMQ can be taken away: yield client, proxy, audit channel."""
    port, parts = free_port(), urlsplit(amqp_url)
    async with AsyncExitStack() as stack:
        rig = RabbitRig(stack, amqp_url)
        broker = await rig.router(2)
        await rig.third_party(topology.CREDIT)
        proxy = await stack.enter_async_context(
            TcpProxy(parts.hostname or "127.0.0.1", parts.port or 5672)
        )
        netloc = parts.netloc.rpartition("@")[0] + f"@127.0.0.1:{proxy.port}"
        url = urlunsplit(parts._replace(netloc=netloc))
        await stack.enter_async_context(gateway(url, port, **more))
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                headers={"Authorization": f"Bearer {service_token(SECRET)}"},
                timeout=20,
            )
        )
        await until_ready(client)
        audit = await broker.consume("audit", single_active=False, prefetch=10)
        yield client, proxy, audit


CREDIT = {"userId": "ada", "newBalance": 5, "change": 5, "reason": "Test"}


@pytest.mark.rabbitmq
async def test_while_rabbitmq_is_away_callers_are_told_within_two_seconds(amqp_url: str) -> None:
    async with behind_a_proxy(amqp_url) as (client, proxy, audit):
        proxy.cut(refuse=True)
        began = time.perf_counter()
        answer = await client.post(
            "/api/sync/credit-update", json=CREDIT, headers={"Idempotency-Key": "order-8"}
        )
        took = time.perf_counter() - began

        print(f"\n503 after {took:.2f} s")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert took < 4  # 1.5 s and a busy machine
        assert (await client.get("/readyz")).status_code == 503

        proxy.restore()
        async with asyncio.timeout(20):
            while answer.status_code != 202:
                answer = await client.post(
                    "/api/sync/credit-update", json=CREDIT, headers={"Idempotency-Key": "order-8"}
                )
        [delivery] = await take(audit, 1)
        assert delivery.message.message_id == "order-8"


@pytest.mark.rabbitmq
async def test_with_an_outbox_callers_do_not_notice_and_nothing_is_lost(
    amqp_url: str, tmp_path: Path
) -> None:
    outbox = str(tmp_path / "outbox.db")
    async with behind_a_proxy(amqp_url, KULL_GATEWAY_OUTBOX=outbox) as (client, proxy, audit):
        proxy.cut(refuse=True)
        for number in range(5):
            answer = await client.post(
                "/api/sync/credit-update", json=CREDIT, headers={"Idempotency-Key": f"o-{number}"}
            )
            assert (answer.status_code, answer.json()) == (202, {"id": f"o-{number}"})

        proxy.restore()
        deliveries = await take(audit, 5)
        assert [d.message.message_id for d in deliveries] == [f"o-{n}" for n in range(5)]


@pytest.mark.rabbitmq
async def test_a_port_in_use_is_told_in_one_line(amqp_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with gateway(amqp_url, port) as process:
            output, _ = await process.communicate()

    assert process.returncode == 1
    [line] = output.decode().splitlines()
    assert f"cannot listen on 127.0.0.1:{port}" in line
    assert "KULL_GATEWAY_PORT" in line


async def test_missing_settings_are_named_in_one_line_without_the_secret(
    async_processes: Processes,
) -> None:
    process = await async_processes.start_async(
        sys.executable,
        *("-m", "kull_mesh", "gateway"),
        env={"KULL_SERVICE_SECRET": "too-short-s3cr3t"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, output = await process.communicate()

    [line] = output.decode().splitlines()
    assert process.returncode == 1
    assert "KULL_AMQP_URL: Field required" in line
    assert "KULL_SERVICE_SECRET: " in line
    assert "s3cr3t" not in line
