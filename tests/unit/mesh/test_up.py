"""The whole mesh in this process."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import cast

import pytest

from kull_client import SyncClient
from kull_edge.errors import ComponentDied
from kull_edge.node import Edge
from kull_mesh import secrets
from kull_mesh.errors import MeshError
from kull_mesh.secrets import Keys
from kull_mesh.up import LocalMesh, UpOptions
from kull_router.errors import ShardCountMismatch

WAIT = 25.0  # seconds
KEYS = Keys("device-key-of-thirty-two-bytes-and-more", "service-key-of-thirty-two-bytes-and-more")


def options(folder: Path, *, port: int = 0, edges: int = 1) -> UpOptions:
    return UpOptions(keys=KEYS, data=folder, port=port, edges=edges)


async def next_balance(client: SyncClient) -> int:
    async with asyncio.timeout(WAIT):
        async for event in client:
            if event.type == "CREDIT_UPDATE":
                return int(event.data["newBalance"])
    raise AssertionError("the client was closed")


async def test_an_event_reaches_devices_on_every_edge(tmp_path: Path) -> None:
    async with LocalMesh(options(tmp_path, edges=2)) as mesh:
        assert mesh.ready
        mac, phone = (
            SyncClient(edge.url, secrets.device_token(KEYS, user="maya", device=name, ttl=60))
            for edge, name in zip(mesh.edges, ["mac", "phone"], strict=True)
        )
        async with mac, phone:
            await mesh.publisher.credit_update(
                user_id="maya", new_balance=5, change=5, reason="Gift"
            )
            assert [await next_balance(mac), await next_balance(phone)] == [5, 5]
    assert not mesh.ready


async def test_a_busy_port_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(MeshError, match=rf"{port}: Address already in use; .* --port"):
            async with LocalMesh(options(tmp_path, port=port)):
                raise AssertionError("it started")

    async with LocalMesh(options(tmp_path)) as mesh:  # the store is free again
        assert mesh.ready
    assert {task.get_name() for task in asyncio.all_tasks()} & {"router", "edge-1"} == set()


async def test_a_data_folder_in_use_names_the_option(tmp_path: Path) -> None:
    async with LocalMesh(options(tmp_path)):
        with pytest.raises(MeshError, match=r"in use by another `kull up`.* --data"):
            async with LocalMesh(options(tmp_path)):
                raise AssertionError("it started")


async def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(MeshError, match=r"cannot keep data in .*file: File exists; .* --data"):
        async with LocalMesh(options(tmp_path / "file")):
            raise AssertionError("it started")


async def test_another_shard_count_than_the_stored_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LocalMesh(options(tmp_path)):
        pass
    monkeypatch.setenv("KULL_SHARD_COUNT", "8")

    with pytest.raises(ShardCountMismatch, match=r"created with 16 shards, but 8"):
        async with LocalMesh(options(tmp_path)):
            raise AssertionError("it started")


class DyingEdge:
    """An edge that dies as soon as it is waited for."""

    ready = True
    session_count = 0

    async def wait(self) -> None:
        raise ComponentDied("the link ended")


async def test_it_ends_when_a_part_dies(tmp_path: Path) -> None:
    async with LocalMesh(options(tmp_path)) as mesh:
        mesh.edges.append(cast(Edge, DyingEdge()))

        with pytest.raises(ComponentDied, match=r"the link ended"):
            async with asyncio.timeout(WAIT):
                await mesh.wait()
