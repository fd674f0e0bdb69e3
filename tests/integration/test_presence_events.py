"""Who is there, over real processes: `kull.presence` and a service that keeps "last seen" by it."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from kull_client import SyncClient
from kull_edge.link.channels import Channels
from kull_mesh.presence_calls import RouterPresence
from last_seen.seen import LastSeen
from tests.support.device import token
from tests.support.mesh import Mesh
from tests.support.processes import Processes

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

EXAMPLES = Path(__file__).parents[2] / "examples"
CHAOS = 30.0  # seconds


@contextmanager
def service(amqp_url: str, file: Path) -> Iterator[None]:
    """Run the example."""
    command = [sys.executable, "-m", "last_seen.service", "follow"]
    command += ["--amqp-url", amqp_url, "--file", str(file)]
    with Processes() as processes:
        process = processes.start(*command, cwd=EXAMPLES, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout and process.stdout.readline() == "following\n"
            yield
        finally:
            process.terminate()
            assert process.wait(10) == 0


@asynccontextmanager
async def heard(amqp_url: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Collect everything that is told."""
    words: list[dict[str, Any]] = []
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind("kull.presence", "#")

        async def note(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            words.append(json.loads(message.body))

        await queue.consume(note, no_ack=True)
        yield words


def presences(file: Path) -> dict[tuple[str, str], bool]:
    seen = LastSeen(file)
    try:
        return {(each.user, each.device): each.online for each in seen.all()}
    finally:
        seen.close()


async def are(file: Path, wanted: dict[str, bool], within: float = 60.0) -> None:
    """Wait until the service knows of these users and their devices whether they are there."""
    expected = {(user, device): on for user, on in wanted.items() for device in ("", "mac")}
    end = time.monotonic() + within
    while (known := presences(file)) != expected:
        wrong = {key for key in known | expected if known.get(key) != expected.get(key)}
        assert time.monotonic() < end, sorted(wrong)
        await asyncio.sleep(0.2)


async def alternately_killed(mesh: Mesh, until: float) -> int:
    """Kill the second edge and the active router, in turn; return how many routers died."""
    rng, died = random.Random(1), 0
    while time.monotonic() < until:
        active = await mesh.active_router()
        mesh.edges[1].stop(signal.SIGKILL)
        await asyncio.sleep(rng.uniform(0, 0.5))
        mesh.routers[active].stop(signal.SIGKILL)
        died += 1
        await mesh.active_router()
        mesh.routers[active].start()
        mesh.edges[1].start()
        await asyncio.to_thread(mesh.wait_until_ready)
        await asyncio.sleep(rng.uniform(1, 3))
    return died


class People:
    """Users with a device each: some stay at an edge that lives, some come and go, some are gone.

    `here`: whoever is connected.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self.stay, self.gone, self.come = (
            [f"{name}-{number}" for number in range(6)] for name in ("stay", "gone", "come")
        )
        self.here: dict[str, SyncClient] = {}

    @property
    def truth(self) -> dict[str, bool]:
        return {user: user in self.here for user in [*self.stay, *self.gone, *self.come]}

    async def enter(self, users: Iterable[str], edge: int) -> None:
        for user in users:
            self.here[user] = SyncClient(self._mesh.url(edge), token(user, "mac"))
            await self.here[user].__aenter__()

    async def leave(self, users: Iterable[str]) -> None:
        for user in users:
            await self.here.pop(user).__aexit__(None, None, None)


async def asked(mesh: Mesh, users: Sequence[str]) -> dict[str, bool | None]:
    """Return what a gateway would tell of these users."""
    async with Channels(None) as channels:
        told = await RouterPresence(mesh.grpc.split(","), channels)(users)
    assert all(each.lastSeen > 0 for each in told.values())
    return {user: each.online for user, each in told.items()}


def told_once(words: list[dict[str, Any]], users: Iterable[str]) -> None:
    """Check that these users were told to have come, once, and nothing else."""
    for user in users:
        mine = [each for each in words if each["userId"] == user]
        news = {(each["type"], tuple(each["generation"])) for each in mine}  # twice is as once
        kinds = sorted(kind for kind, _ in news)
        assert kinds == ["device.online", "user.online"], mine


@pytest.mark.timeout(240)
async def test_last_seen_is_right_after_edges_and_routers_were_killed(
    amqp_url: str, database_url: str, tmp_path: Path
) -> None:
    mesh = Mesh(
        amqp_url,
        tmp_path,
        routers=2,
        database_url=database_url,
        KULL_PRESENCE_EVENTS="true",
        KULL_PRESENCE_GRACE="5",  # as usual: more than an edge takes to link to a router anew
    )
    file, people = tmp_path / "seen.db", People(mesh)
    try:
        mesh.start()
        async with heard(amqp_url) as words:
            with service(amqp_url, file):
                await people.enter(people.stay, 0)
                await people.enter([*people.gone, *people.come], 1)
                await are(file, people.truth)

                chaos = asyncio.create_task(alternately_killed(mesh, time.monotonic() + CHAOS))
                for number in range(3):
                    await asyncio.sleep(CHAOS / 4)
                    await people.leave(people.come[number::3])
                    await people.enter(people.come[number::3], 1)
                await people.leave(people.gone)
                assert await chaos >= 3

                await are(file, people.truth)
                assert await asked(mesh, list(people.truth)) == people.truth
                # Whoever stayed at an edge that lives, whatever routers died.
                told_once(words, people.stay)
                await people.leave(list(people.here))
                await are(file, people.truth)
    finally:
        mesh.stop()
