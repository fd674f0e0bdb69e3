"""Real processes, and publishers whose clocks are wrong: what is confirmed later is newer."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from typing import Final
from uuid import uuid4

import pytest

from kull_producers import Publisher
from kull_producers.events.models import Status
from kull_producers.publishing.rabbitmq import RabbitTransport
from tests.support.device import Device, device, token
from tests.support.mesh import Mesh

pytestmark = [pytest.mark.rabbitmq, pytest.mark.xdist_group("clocks")]

TOTAL: Final = 10


def worker(mesh: Mesh, *, ahead: float = 0.0) -> Publisher:
    """Return a worker whose clock is that many seconds ahead."""
    transport = RabbitTransport(mesh.amqp_url, name="worker")
    return Publisher(transport, app_id="worker", now=lambda: time.time() + ahead)


async def tell(publisher: Publisher, user: str, done: int, status: Status | None = None) -> None:
    await publisher.shoot_progress(
        user_id=user,
        shoot_id="wedding",
        status=status or ("completed" if done == TOTAL else "processing"),
        processed_count=done,
        total_count=TOTAL,
        provider="Test",
    )


async def shown(of: Device, count: int) -> list[tuple[str, int]]:
    """Return what a device is told of the shoot."""
    told: list[tuple[str, int]] = []
    while len(told) < count:
        data = (await of.event())["data"]
        if data.get("shootId") == "wedding":
            told.append((data["status"], data["processedCount"]))
    return told


@pytest.mark.parametrize(
    ("first", "second"),
    [(3.0, 0.0), (600.0, 0.0), (365 * 86_400.0, 0.0), (0.0, -5.0), (0.0, -365 * 86_400.0)],
)
async def test_a_worker_whose_clock_is_ahead_hides_nothing_that_others_say_later(
    mesh: Mesh, first: float, second: float
) -> None:
    user = f"maya-{uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        mac = await stack.enter_async_context(device(mesh.url(0), token(user, "mac")))
        ahead = await stack.enter_async_context(worker(mesh, ahead=first))
        other = await stack.enter_async_context(worker(mesh, ahead=second))
        await tell(ahead, user, 3)
        await tell(other, user, 7)
        await tell(ahead, user, 4)  # late: its count goes back
        await tell(other, user, 10)
        await tell(ahead, user, 5)  # late as well: the shoot has ended

        await tell(other, user, 0, "queued")  # it is processed anew
        await tell(ahead, user, 1)
        assert await shown(mac, 5) == [
            ("processing", 3),
            ("processing", 7),
            ("completed", 10),
            ("queued", 0),
            ("processing", 1),
        ]


async def test_a_worker_that_is_restarted_after_its_clock_was_set_back_is_believed(
    mesh: Mesh,
) -> None:
    user = f"maya-{uuid4().hex[:8]}"
    async with device(mesh.url(0), token(user, "mac")) as mac:
        async with worker(mesh) as before:
            await tell(before, user, 3)
        async with worker(mesh, ahead=-2.0) as after:
            await tell(after, user, 4)
            await tell(after, user, 10)
        assert await shown(mac, 3) == [("processing", 3), ("processing", 4), ("completed", 10)]


async def test_what_a_device_tells_is_shown_although_a_worker_was_ahead_of_time(
    mesh: Mesh,
) -> None:
    user = f"maya-{uuid4().hex[:8]}"
    async with (
        device(mesh.url(0), token(user, "mac")) as mac,
        device(mesh.url(1), token(user, "phone")) as phone,
        worker(mesh, ahead=86_400.0) as ahead,
    ):
        await tell(ahead, user, 3)
        assert await shown(phone, 1) == [("processing", 3)]
        for done in (4, 10):
            payload = {
                "shootId": "wedding",
                "status": "completed" if done == TOTAL else "processing",
                "processedCount": done,
                "totalCount": TOTAL,
                "provider": "Mac",
            }
            await mac.send(type="UPDATE_PROGRESS", payload=payload)
        assert await shown(phone, 2) == [("processing", 4), ("completed", 10)]
