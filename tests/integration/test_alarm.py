"""RabbitMQ is short of memory or disk: what publishers, devices and operators notice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from kull_producers import OutboxPublisher, Publisher, PublishTimeout, connect
from tests.support.device import Device, Frame, device, token
from tests.support.http import ask
from tests.support.mesh import Mesh
from tests.support.ports import free_port
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until

pytestmark = pytest.mark.rabbitmq
PATIENT = 60.0  # seconds
SHORT = "its memory or disk is short"


@pytest.fixture
def metrics_port() -> int:
    return free_port()


@pytest.fixture
def mesh(private_rabbitmq: RabbitMQ, tmp_path: Path, metrics_port: int) -> Iterator[Mesh]:
    """A mesh on the RabbitMQ whose alarms are raised."""
    running = Mesh(private_rabbitmq.url, tmp_path, edges=1, KULL_METRICS_PORT=str(metrics_port))
    del running.edges[0].env["KULL_METRICS_PORT"]
    try:
        running.start()
        yield running
    finally:
        running.stop()


async def credit(publisher: Publisher, user: str, balance: int) -> None:
    await publisher.credit_update(
        user_id=user,
        new_balance=balance,
        change=1,
        reason="Test",
        idempotency_key=f"{user}-{balance}",
    )


async def frames(of: Device, *, until: int) -> list[Frame]:
    return await of.events_until(lambda frame: frame.get("data", {}).get("newBalance") == until)


def balances(seen: list[Frame]) -> list[int]:
    return [frame["data"]["newBalance"] for frame in seen if frame["type"] == "CREDIT_UPDATE"]


async def progress(of: Device, done: int) -> None:
    await of.send(
        type="UPDATE_PROGRESS",
        payload={
            "shootId": "s1",
            "status": "processing",
            "processedCount": done,
            "totalCount": 9,
            "provider": "Test",
        },
    )


async def until_shown(publisher: OutboxPublisher) -> None:
    async def shown() -> bool:
        return SHORT in (await publisher.status()).problem

    await until(shown, seconds=PATIENT)


async def until_blocked(metrics_port: int, *, value: str) -> None:
    """Wait for what the router's metrics say."""
    url = f"http://127.0.0.1:{metrics_port}/metrics"

    def says_so() -> bool:
        return f"kull_router_rabbitmq_blocked {value}".encode() in ask(url, seconds=10).body

    await until(lambda: asyncio.to_thread(says_so), seconds=PATIENT, every=0.1)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("resource", ["memory", "disk"])
async def test_an_alarm_pauses_publishers_is_shown_and_loses_nothing_confirmed(
    private_rabbitmq: RabbitMQ, mesh: Mesh, metrics_port: int, tmp_path: Path, resource: str
) -> None:
    url = private_rabbitmq.url
    async with (
        connect(url, timeout=PATIENT) as patient,
        connect(url, timeout=2) as hasty,
        connect(url, outbox=tmp_path / "outbox.db") as keeping,
        device(mesh.url(), token("ada", "mac")) as ada,
        device(mesh.url(), token("bob", "mac")) as bob,
        device(mesh.url(), token("bob", "phone")) as phone,
    ):
        ada.patience = bob.patience = phone.patience = PATIENT
        for publisher, user in ((patient, "ada"), (hasty, "ada"), (keeping, "bob")):
            await credit(publisher, user, 1)
        for each in (ada, bob, phone):
            assert balances(await frames(each, until=1)) == [1]

        await asyncio.to_thread(private_rabbitmq.raise_alarm, resource)
        waiting = asyncio.create_task(credit(patient, "ada", 2), name="patient")
        with pytest.raises(PublishTimeout, match=SHORT):
            await credit(hasty, "hasty", 1)
        for balance in range(2, 52):
            await credit(keeping, "bob", balance)  # accepted: it is on disk
        await until_shown(keeping)
        await progress(bob, 1)
        await until_blocked(metrics_port, value="1.0")
        async with device(mesh.url(), token("cleo", "mac")) as cleo:
            assert cleo.welcome["type"] == "WELCOME"
        assert keeping.pending > 0
        assert not waiting.done()

        await asyncio.to_thread(private_rabbitmq.clear_alarms)
        await waiting
        await keeping.flush(PATIENT)
        await credit(keeping, "bob", 52)
        await credit(hasty, "ada", 3)
        assert balances(await frames(ada, until=3)) == [2, 3]
        assert balances(await frames(phone, until=52)) == list(range(2, 53))
        seen = await frames(bob, until=52)
        assert balances(seen) == list(range(2, 53))
        # What the device itself has sent was stored, or it was told to send it again.
        assert len([frame for frame in seen if frame["type"] in {"ACCEPTED", "ERROR"}]) == 1
        assert (await keeping.status()).problem == ""
        await until_blocked(metrics_port, value="0.0")
