"""The device SDK against a real mesh, `kull up`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from kull_client import Event, Rejected, State, SyncClient, SyncClosed
from kull_gateway import service_token
from kull_mesh import secrets
from kull_mesh.settings import MeshSettings
from tests.support.device import WAIT
from tests.support.up import Up, running

PRESENCE = {"DEVICE_CONNECTED", "DEVICE_DISCONNECTED"}
PROGRESS: dict[str, Any] = {
    "shoot_id": "s1",
    "status": "processing",
    "processed_count": 1,
    "total_count": 2,
    "provider": "Local",
}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("up")) as mesh:
        yield mesh


@pytest.fixture
def user() -> str:
    return f"maya-{uuid4().hex[:8]}"


def keys(up: Up) -> secrets.Keys:
    return secrets.load(MeshSettings(home=up.home))


def sdk(up: Up, user: str, device: str, **options: Any) -> SyncClient:
    token = secrets.device_token(keys(up), user=user, device=device, ttl=60)
    return SyncClient(up.ws, token, **options)


async def send_credits(up: Up, user: str, balances: Sequence[int]) -> None:
    """Publish credit updates, in order."""
    headers = {"Authorization": f"Bearer {service_token(keys(up).service)}"}
    async with httpx.AsyncClient(base_url=up.http, headers=headers, timeout=WAIT) as http:
        for balance in balances:
            body = {"userId": user, "newBalance": balance, "change": 1, "reason": "Test"}
            answer = await http.post("/api/sync/credit-update", json=body)
            assert answer.status_code == 202, answer.text


async def events(client: SyncClient, count: int) -> list[Event]:
    """Return the next events that are no presence."""
    got: list[Event] = []
    async with asyncio.timeout(WAIT):
        while len(got) < count:
            event = await anext(client)
            if event.type not in PRESENCE:
                got.append(event)
    return got


def balances(got: Sequence[Event]) -> list[int]:
    return [event.data["newBalance"] for event in got]


@asynccontextmanager
async def watched(
    up: Up, user: str, device: str
) -> AsyncIterator[tuple[SyncClient, Callable[[str], Any]]]:
    """Open a client, and something to wait for its states with."""
    states: asyncio.Queue[str] = asyncio.Queue()

    def note(state: State) -> None:
        states.put_nowait(state.name)

    async def reached(name: str) -> None:
        async with asyncio.timeout(WAIT):
            while await states.get() != name:
                pass

    options = {"on_state": note, "random": lambda: 0.05, "max_attempts": None}
    async with sdk(up, user, device, **options) as client:
        await reached("connected")
        yield client, reached


async def test_a_device_that_was_away_gets_what_it_missed_once_and_in_order(
    up: Up, user: str
) -> None:
    async with sdk(up, user, "mac") as mac:
        await send_credits(up, user, [1, 2])
        assert balances(await events(mac, 2)) == [1, 2]
    await send_credits(up, user, [3, 4])

    async with sdk(up, user, "mac") as again:
        await send_credits(up, user, [5])
        assert balances(await events(again, 3)) == [3, 4, 5]


async def test_a_stored_position_is_gone_on_from(up: Up, user: str) -> None:
    async with sdk(up, user, "mac") as mac:
        await send_credits(up, user, [1, 2, 3])
        await events(mac, 2)  # the second one is still being processed
        position = mac.position

    async with sdk(up, user, "mac", position=position) as again:
        assert balances(await events(again, 2)) == [2, 3]


async def test_a_slow_device_gets_many_windows_of_events_in_order(up: Up, user: str) -> None:
    async with sdk(up, user, "mac", buffer=4) as mac:
        await send_credits(up, user, range(1, 301))
        assert balances(await events(mac, 300)) == list(range(1, 301))


async def test_progress_of_a_device_reaches_the_other_devices_only(up: Up, user: str) -> None:
    async with sdk(up, user, "mac") as mac, sdk(up, user, "phone") as phone:
        event_id = await phone.update_progress(**PROGRESS)
        await send_credits(up, user, [1])

        (progress,) = await events(mac, 1)
        (next_of_phone,) = await events(phone, 1)

    assert (progress.id, progress.device_id) == (event_id, "phone")
    assert progress.data["shootId"] == "s1"
    assert next_of_phone.type == "CREDIT_UPDATE"


async def test_wrong_progress_is_rejected_by_the_name_of_the_field(up: Up, user: str) -> None:
    async with sdk(up, user, "mac") as mac:
        with pytest.raises(Rejected, match="processedCount"):
            await mac.update_progress(**PROGRESS | {"processed_count": 3})
        assert await mac.update_progress(**PROGRESS)


async def test_devices_see_each_other(up: Up, user: str) -> None:
    async with sdk(up, user, "mac") as mac:
        async with sdk(up, user, "phone") as phone:
            assert [device.device_id for device in phone.devices] == ["mac", "phone"]
            async with asyncio.timeout(WAIT):
                event = await anext(mac)
                while event.type != "DEVICE_CONNECTED" or event.data["deviceId"] != "phone":
                    event = await anext(mac)
        assert {device.device_id for device in mac.devices} == {"mac", "phone"}


async def test_the_same_device_elsewhere_ends_the_older_session(up: Up, user: str) -> None:
    async with sdk(up, user, "mac") as older, sdk(up, user, "mac"):
        with pytest.raises(SyncClosed) as caught:
            await events(older, 1)
        assert caught.value.code == 4503


async def test_nothing_is_lost_or_repeated_when_the_mesh_is_killed(
    tmp_path: Path, user: str
) -> None:
    with running(tmp_path) as first:
        async with watched(first, user, "mac") as (mac, reached):
            await send_credits(first, user, [1, 2, 3])
            got = await events(mac, 3)  # so they are stored: this broker's queue dies with it
            first.process.send_signal(signal.SIGKILL)
            first.process.wait()
            await reached("waiting")
            with running(tmp_path, port=first.port) as second:
                await send_credits(second, user, [4])
                got += await events(mac, 1)

    assert balances(got) == [1, 2, 3, 4]


async def test_a_mesh_that_stops_sends_its_devices_away_in_order(tmp_path: Path, user: str) -> None:
    with running(tmp_path) as first:
        async with watched(first, user, "mac") as (mac, reached):
            await send_credits(first, user, [1])
            got = await events(mac, 1)
            assert await asyncio.to_thread(first.stop) == 0
            await reached("waiting")
            with running(tmp_path, port=first.port) as second:
                await send_credits(second, user, [2])
                got += await events(mac, 1)

    assert balances(got) == [1, 2]
