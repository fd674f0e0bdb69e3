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

pytestmark = pytest.mark.rabbitmq

SECRET = "a-service-secret-of-32-bytes-or-more"
MAIN = (
    "import asyncio; from kull_producers.gateway import GatewaySettings; "
    "from kull_producers.gateway.serve import serve; asyncio.run(serve(GatewaySettings()))"
)


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
        *("-c", MAIN),
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


async def test_a_port_in_use_is_told_in_one_line(amqp_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with gateway(amqp_url, port) as process:
            output, _ = await process.communicate()

    assert process.returncode == 1
    last = output.decode().strip().splitlines()[-1]
    assert f"cannot listen on 127.0.0.1:{port}" in last
    assert "KULL_GATEWAY_PORT" in last
