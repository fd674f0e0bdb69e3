"""The HTTP triggers as a process of their own, on a real RabbitMQ."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from kull_producers import topology
from kull_producers.gateway import service_token
from tests.support.brokers import RabbitRig, take
from tests.support.ports import free_port

SECRET = "a-service-secret-of-32-bytes-or-more"


@asynccontextmanager
async def gateway(amqp_url: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a gateway, and make sure that it ends."""
    settings = {
        "KULL_AMQP_URL": amqp_url,
        "KULL_SERVICE_SECRET": SECRET,
        "KULL_SHARD_COUNT": "2",
        "KULL_GATEWAY_PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "kull_mesh", "gateway"),
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


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


async def test_missing_settings_are_named_in_one_line_without_the_secret() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "kull_mesh", "gateway"),
        env={**os.environ, "KULL_SERVICE_SECRET": "too-short-s3cr3t"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, output = await process.communicate()

    [line] = output.decode().splitlines()
    assert process.returncode == 1
    assert "KULL_AMQP_URL: Field required" in line
    assert "KULL_SERVICE_SECRET: " in line
    assert "s3cr3t" not in line
