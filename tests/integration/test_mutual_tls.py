"""Edges, routers and operators know each other by certificate, and each may do its own."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from kull_edge.errors import BadCertificate
from kull_edge.link.certificates import channel_credentials
from kull_edge.node import Edge
from kull_edge.settings import EdgeSettings
from kull_mesh import certs
from kull_mesh.certs import Issued
from kull_mesh.errors import MeshError
from kull_protos.mesh.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    attach_pb2,
    attach_pb2_grpc,
    device_pb2,
    device_pb2_grpc,
    presence_pb2,
)
from kull_router.broker.memory import MemoryBroker
from kull_router.errors import ConfigError
from kull_router.node import Router
from kull_router.queues.memory import MemoryStore
from kull_router.rpc.roles import METHODS
from kull_router.settings import RouterSettings
from tests.support.ports import free_port
from tests.support.until import until

LIMIT = 20.0  # seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority with a certificate for everybody, and a foreign one."""
    folder = tmp_path_factory.mktemp("certs")
    for name in ("ours", "theirs"):
        certs.make_authority(folder / name)
        certs.issue(folder / name, "router", "router-1", hosts=["127.0.0.1", "localhost"])
        for role in ("edge", "operator", "viewer"):
            certs.issue(folder / name, role, f"{role}-1")
    return folder


def files(folder: Path, stem: str, authority: str = "ours") -> dict[str, Any]:
    return {
        "tls_ca": folder / "ours" / "ca.crt",
        "tls_cert": folder / authority / f"{stem}.crt",
        "tls_key": folder / authority / f"{stem}.key",
    }


@asynccontextmanager
async def router(folder: Path) -> AsyncIterator[Router]:
    settings = RouterSettings(
        grpc_port=0, allow_plain_tokens=True, shard_count=2, **files(folder, "router-router-1")
    )
    store = MemoryStore(shard_count=2)
    async with Router(settings, broker=MemoryBroker(), store=store) as running:
        yield running


@asynccontextmanager
async def edge(router_: Router, node_id: str = "edge-1", **tls: Any) -> AsyncIterator[Edge]:
    settings = EdgeSettings(port=0, routers=router_.grpc_address, node_id=node_id, **tls)
    async with Edge(settings) as running:
        yield running


def channel(router_: Router, tls: dict[str, Any] | None) -> grpc.aio.Channel:
    if tls is None:
        return grpc.aio.insecure_channel(router_.grpc_address)
    credentials = channel_credentials(tls["tls_ca"], tls["tls_cert"], tls["tls_key"])
    assert credentials
    return grpc.aio.secure_channel(router_.grpc_address, credentials)


async def code_of(call: Any) -> grpc.StatusCode:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def attach(router_: Router, tls: dict[str, Any] | None, node_id: str) -> grpc.StatusCode:
    async with channel(router_, tls) as open_channel:
        call = attach_pb2_grpc.EdgeServiceStub(open_channel).Attach(timeout=LIMIT)
        try:
            hello = attach_pb2.AttachRequest(hello=attach_pb2.Hello(node_id=node_id))
            await call.write(attach_pb2.AttachRequests(frames=[hello]))
            first = await call.read()
        except grpc.aio.AioRpcError as error:
            return error.code()
        if first is grpc.aio.EOF:
            code: grpc.StatusCode = await call.code()
            return code
        call.cancel()
        return grpc.StatusCode.OK


async def test_an_edge_with_a_certificate_is_served(folder: Path) -> None:
    async with router(folder) as running:
        async with edge(running, **files(folder, "edge-edge-1")) as linked:
            await until(lambda: linked.ready, seconds=LIMIT)
        assert await attach(running, files(folder, "edge-edge-1"), "edge-1") is grpc.StatusCode.OK


def _ready(linked: Edge) -> bool:
    return linked.ready


async def test_a_router_found_by_a_name_proves_that_name(folder: Path, tmp_path: Path) -> None:
    """The certificate has no address: that of a pod is known to nobody before."""
    certs.make_authority(tmp_path / "ours")
    certs.issue(tmp_path / "ours", "router", "router-1", hosts=["localhost"])
    certs.issue(tmp_path / "ours", "edge", "edge-1")
    async with router(tmp_path) as running:
        port = running.grpc_address.rpartition(":")[2]
        for name, right in (("localhost", True), ("127.0.0.1", False)):
            settings = EdgeSettings(
                port=0,
                routers=f"dns:{name}:{port}",
                node_id="edge-1",
                **files(tmp_path, "edge-edge-1"),
            )
            async with Edge(settings) as linked:
                ready = asyncio.create_task(until(partial(_ready, linked)), name="ready")
                done, _ = await asyncio.wait({ready}, timeout=LIMIT if right else 2)
                ready.cancel()
                assert bool(done) is right


async def test_the_edges_of_one_node_share_its_certificate(folder: Path) -> None:
    async with router(folder) as running:
        code = await attach(running, files(folder, "edge-edge-1"), "edge-1/3")

    assert code is grpc.StatusCode.OK


async def test_an_edge_without_a_certificate_gets_no_connection(folder: Path) -> None:
    async with router(folder) as running:
        assert await attach(running, None, "edge-1") is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_of_another_authority_gets_no_connection(folder: Path) -> None:
    foreign = files(folder, "edge-edge-1", "theirs")
    async with router(folder) as running:
        assert await attach(running, foreign, "edge-1") is grpc.StatusCode.UNAVAILABLE


async def test_an_edge_is_who_its_certificate_says(folder: Path) -> None:
    async with router(folder) as running:
        code = await attach(running, files(folder, "edge-edge-1"), "edge-2")

    assert code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("role", ["operator", "viewer", "router"])
async def test_only_edges_attach(folder: Path, role: str) -> None:
    async with router(folder) as running:
        code = await attach(running, files(folder, f"{role}-{role}-1"), f"{role}-1")

    assert code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("role", "sees", "acts"), [("operator", True, True), ("viewer", True, False), ("edge", 0, 0)]
)
async def test_each_role_calls_its_own_methods(
    folder: Path, role: str, sees: bool, acts: bool
) -> None:
    async with router(folder) as running:
        async with channel(running, files(folder, f"{role}-{role}-1")) as open_channel:
            admin: Any = admin_pb2_grpc.AdminServiceStub(open_channel)
            devices: Any = device_pb2_grpc.DeviceServiceStub(open_channel)
            looks = [
                admin.ListNodes(admin_pb2.ListNodesRequest()),
                admin.ListSessions(admin_pb2.ListSessionsRequest()),
                admin.ListQueues(admin_pb2.ListQueuesRequest()),
                admin.ListDevices(admin_pb2.ListDevicesRequest(user_id="u")),
                admin.Explain(admin_pb2.ExplainRequest(event_id="e")),
                devices.SignOut(device_pb2.SignOutRequest(token="t", device_id="d")),
            ]
            deeds = [
                admin.Disconnect(admin_pb2.DisconnectRequest(user_id="u")),
                admin.Revoke(admin_pb2.RevokeRequest(user_id="u")),
                admin.Drain(admin_pb2.DrainRequest(node_id="nobody")),
            ]
            seen = [await code_of(call) for call in looks]
            done = [await code_of(call) for call in deeds]

    denied = grpc.StatusCode.PERMISSION_DENIED
    assert [code is denied for code in seen] == [not sees] * len(looks)
    assert [code is denied for code in done] == [not acts] * len(deeds)


def test_every_method_has_its_roles() -> None:
    described = [
        f"/{service.full_name}/{method.name}"
        for module in (attach_pb2, admin_pb2, device_pb2, presence_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]

    assert sorted(METHODS) == sorted(described)


async def test_there_is_no_reflection(folder: Path) -> None:
    async with router(folder) as running:
        async with channel(running, files(folder, "operator-operator-1")) as open_channel:
            call: Any = open_channel.unary_unary("/grpc.reflection.v1.ServerReflection/Info")
            assert await code_of(call(b"")) is grpc.StatusCode.UNIMPLEMENTED


async def test_half_a_configuration_is_refused_at_start(folder: Path) -> None:
    tls = files(folder, "edge-edge-1")
    del tls["tls_key"]
    with pytest.raises(BadCertificate, match="all three"):
        Edge(EdgeSettings(port=0, **tls))
    with pytest.raises(ConfigError, match="all three"):
        Router(
            RouterSettings(allow_plain_tokens=True, **tls),
            broker=MemoryBroker(),
            store=MemoryStore(),
        )
    with pytest.raises(BadCertificate, match="cannot read"):
        Edge(EdgeSettings(port=0, **{**tls, "tls_key": folder / "missing.key"}))


def replace(live: Path, stem: str, authority: Path) -> None:
    """Put another authority's certificate of the same name in place, one file after the other."""
    for name in ("ca.crt", f"{stem}.key", f"{stem}.crt"):
        shutil.copy(authority / name, live / f"{name}.new")
        (live / f"{name}.new").rename(live / name)


@pytest.fixture
def live(folder: Path, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Copies of our certificates that a test may replace, by their names."""
    kept = {}
    for stem in ("router-router-1", "edge-edge-1"):
        (tmp_path / stem).mkdir()
        replace(tmp_path / stem, stem, folder / "ours")
        kept[stem] = {
            "tls_ca": tmp_path / stem / "ca.crt",
            "tls_cert": tmp_path / stem / f"{stem}.crt",
            "tls_key": tmp_path / stem / f"{stem}.key",
        }
    return kept


@asynccontextmanager
async def live_router(live: dict[str, dict[str, Any]], port: int = 0) -> AsyncIterator[Router]:
    settings = RouterSettings(
        grpc_port=port, allow_plain_tokens=True, shard_count=2, **live["router-router-1"]
    )
    store = MemoryStore(shard_count=2)
    async with Router(settings, broker=MemoryBroker(), store=store) as running:
        yield running


async def test_new_certificates_count_for_new_connections_and_open_ones_stay(
    folder: Path, live: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    old = files(folder, "edge-edge-1")
    new = files(folder, "edge-edge-1", "theirs") | {"tls_ca": folder / "theirs" / "ca.crt"}
    async with live_router(live) as running, edge(running, **old) as linked:
        await until(lambda: linked.ready, seconds=LIMIT)
        streams = {each.number for each in running.core.fanout.each()}
        assert await attach(running, new, "edge-1") is grpc.StatusCode.UNAVAILABLE

        replace(tmp_path / "router-router-1", "router-router-1", folder / "theirs")

        assert await attach(running, new, "edge-1") is grpc.StatusCode.OK
        assert await attach(running, old, "edge-1") is grpc.StatusCode.UNAVAILABLE
        assert streams <= {each.number for each in running.core.fanout.each()}, (
            "the open stream is the same one"
        )
        assert linked.ready


async def test_an_edge_that_connects_again_shows_its_new_certificate(
    folder: Path, live: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    port = free_port()
    async with live_router(live, port) as first:
        settings = EdgeSettings(
            port=0, routers=first.grpc_address, node_id="edge-1", **live["edge-edge-1"]
        )
        linked = await Edge(settings).__aenter__()
        await until(lambda: linked.ready, seconds=LIMIT)
    try:
        await until(lambda: not linked.ready, seconds=LIMIT)
        for stem in live:
            replace(tmp_path / stem, stem, folder / "theirs")
        async with live_router(live, port):
            await until(lambda: linked.ready, seconds=LIMIT)
    finally:
        await linked.__aexit__(None, None, None)


@pytest.mark.parametrize("broken", ["missing", "half", "of another certificate"])
async def test_files_that_cannot_be_used_change_nothing(
    folder: Path, live: dict[str, dict[str, Any]], broken: str
) -> None:
    async with live_router(live) as running:
        key: Path = live["router-router-1"]["tls_key"]
        whole = key.read_bytes()
        if broken == "missing":
            key.unlink()
        else:
            other = (folder / "theirs" / "router-router-1.key").read_bytes()
            key.write_bytes(whole[:40] if broken == "half" else other)

        old = files(folder, "edge-edge-1")
        assert await attach(running, old, "edge-1") is grpc.StatusCode.OK


def test_keys_are_their_owners_alone_and_an_authority_is_not_replaced(folder: Path) -> None:
    ours = folder / "ours"

    assert {stat.S_IMODE(key.stat().st_mode) for key in ours.glob("*.key")} == {0o600}
    with pytest.raises(MeshError, match="exists already"):
        certs.make_authority(ours)
    with pytest.raises(MeshError, match="--host"):
        certs.issue(ours, "router", "router-9")
    with pytest.raises(MeshError, match="is no name"):
        certs.issue(ours, "edge", "../edge")
    with pytest.raises(MeshError, match="kull certs ca"):
        certs.issue(folder / "nowhere", "edge", "edge-1")


def test_a_certificate_can_be_issued_again(folder: Path) -> None:
    before = (folder / "theirs" / "edge-edge-1.crt").read_bytes()

    issued: Issued = certs.issue(folder / "theirs", "edge", "edge-1")

    assert issued.certificate.read_bytes() != before


async def test_a_mesh_gets_a_folder_per_role_and_new_certificates_of_the_same_authority(
    tmp_path: Path,
) -> None:
    nodes: dict[certs.Role, list[str]] = {"router": ["router-1"], "edge": ["edge-1"]}
    certs.make_mesh(tmp_path, nodes)
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    first = (tmp_path / "edge" / "edge-edge-1.crt").read_bytes()
    tls = {
        role: {
            "tls_ca": tmp_path / role / "ca.crt",
            "tls_cert": tmp_path / role / f"{role}-{role}-1.crt",
            "tls_key": tmp_path / role / f"{role}-{role}-1.key",
        }
        for role in ("router", "edge")
    }
    assert made == {
        "authority/ca.crt",
        "authority/ca.key",
        *(f"{role}/ca.crt" for role in tls),
        *(f"{role}/{role}-{role}-1.{end}" for role in tls for end in ("crt", "key")),
    }

    async with live_router({"router-router-1": tls["router"]}) as running:
        assert await attach(running, tls["edge"], "edge-1") is grpc.StatusCode.OK
        certs.make_mesh(tmp_path, nodes)
        assert (tmp_path / "edge" / "edge-edge-1.crt").read_bytes() != first
        assert await attach(running, tls["edge"], "edge-1") is grpc.StatusCode.OK
