"""What a gateway tells of the mesh behind it."""

from __future__ import annotations

from pathlib import Path

from kull_edge.link.channels import Channels
from kull_mesh import __version__
from kull_mesh.mesh_status import MeshStatus
from kull_mesh.secrets import Keys
from kull_mesh.up import LocalMesh, UpOptions
from tests.support.ports import free_port

KEYS = Keys(device="d" * 40, service="s" * 40)


async def test_the_status_counts_routers_edges_and_shards_and_asks_once_a_second(
    tmp_path: Path,
) -> None:
    now = 0.0
    nobody = f"127.0.0.1:{free_port()}"
    async with Channels(None) as channels:
        async with LocalMesh(UpOptions(keys=KEYS, data=tmp_path, port=0, edges=2)) as mesh:
            routers = [mesh.router.grpc_address, nobody]
            status = MeshStatus(routers, channels, clock=lambda: now)
            expected = {
                "version": __version__,
                "routers": 1,
                "edges": 2,
                "sessions": 0,
                "shardsOwned": 16,
            }
            assert await status() == expected
        assert await status() == expected  # of a moment ago

        now = 2.0
        assert (await status())["routers"] == 0


async def test_without_routers_only_the_version_is_told() -> None:
    assert await MeshStatus([], Channels(None))() == {"version": __version__}
