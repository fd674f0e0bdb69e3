"""`kull doctor` on real processes: nothing bad of a sound mesh, and each check fails once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from aio_pika import connect as amqp_connect

from kull_mesh import certs
from kull_mesh.definitions import ROLES
from kull_producers.events import topology
from tests.support.doctor import Diagnosis, doctor
from tests.support.http import ask
from tests.support.mesh import Mesh
from tests.support.ports import free_port
from tests.support.processes import Processes
from tests.support.rabbitmq import Endpoint
from tests.support.up import KULL, running

HOPS = {"connect", "RabbitMQ confirms", "router stores", "device has it", "router knows"}


@contextmanager
def late(hours: float) -> Iterator[str]:
    """Something whose clock is wrong, and that answers HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(time.time() - 3600 * hours, usegmt=True)

        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_sound_kull_up_has_nothing_wrong_and_its_canary_says_each_hop(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        found = doctor(environment=up.env | {"KULL_URL": up.http})

        assert found.bad() == []
        assert found.code == 0
        assert found.canary and found.canary["arrived"]
        assert set(found.canary["hops"]) == HOPS
        assert all(found.canary["hops"].values()), found.canary
        people = up.kull("doctor", "--edge", up.ws, "--http", up.http)
        assert "arrived and acknowledged" in people


def test_where_nothing_runs_it_says_so_and_what_to_do(tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    environment = {"KULL_HOME": str(tmp_path), "KULL_URL": f"http://{nobody}"}

    found = doctor("--routers", nobody, environment=environment)

    assert found.code == 2
    assert found.says("store", "error", "there is no store")
    assert found.says("nodes", "error", f"router {nobody}")
    assert found.says("canary", "error", "connecting to the edge failed")
    assert all(each["do"] for each in found.findings if each["severity"] == "error")


def test_settings_that_contradict_each_other_stop_the_canary(tmp_path: Path) -> None:
    environment = {
        "KULL_HOME": str(tmp_path),
        "KULL_TLS_CA": str(tmp_path / "ca.crt"),
        "KULL_PREFETCH": "0",
    }

    found = doctor("--role", "router", environment=environment)

    assert found.says("settings", "error", "KULL_TLS_CERT, KULL_TLS_KEY is missing")
    assert found.says("settings", "error", "KULL_PREFETCH")
    assert found.says("settings", "error", "no device could connect")
    assert found.says("tls", "error", "No such file")
    assert found.canary is None


def test_certificates_that_routers_would_not_take_are_told(tmp_path: Path) -> None:
    certs.make_authority(tmp_path / "ours")
    certs.make_authority(tmp_path / "theirs")
    edge = certs.issue(tmp_path / "theirs", "edge", "edge-1")
    edge.key.chmod(0o644)
    environment = {
        "KULL_HOME": str(tmp_path),
        "KULL_TLS_CA": str(tmp_path / "ours/ca.crt"),
        "KULL_TLS_CERT": str(edge.certificate),
        "KULL_TLS_KEY": str(edge.key),
    }

    found = doctor("--no-canary", environment=environment)

    assert found.says("tls", "error", "not signed by the authority")
    assert found.says("tls", "error", "its owner is edge edge-1")
    assert found.says("tls", "warning", "others than its owner")


def test_few_descriptors_and_a_wrong_clock_are_told(tmp_path: Path) -> None:
    with running(tmp_path) as up, late(hours=1) as api:
        environment = up.env | {"KULL_AMQP_URL": "amqp://127.0.0.1:1/", "KULL_URL": up.http}
        found = doctor(
            *("--no-canary", "--rabbitmq-api", api, "--edge", up.ws),
            descriptors=512,
            environment=environment,
        )

    assert found.says("machine", "warning", "only 512 files may be open")
    assert found.says("clocks", "error", "RabbitMQ is")
    assert found.says("rabbitmq", "error", "KULL_AMQP_URL") or found.says(
        "rabbitmq", "error", "RabbitMQ:"
    )


def test_as_a_probe_it_serves_what_it_finds_until_it_is_told_to_stop(
    tmp_path: Path, processes: Processes
) -> None:
    port = free_port()
    with running(tmp_path) as up:
        watching = processes.start(
            *(*KULL, "doctor", "--watch", "--every", "1", "--port", str(port)),
            *("--edge", up.ws, "--http", up.http),
            env=up.env,
        )
        text = _metrics_until(port, 'kull_doctor_canaries_total{outcome="arrived"} 2.0')
        watching.terminate()

        assert "kull_doctor_status 0.0" in text
        assert 'kull_doctor_canary_hop_seconds{hop="device_has_it"}' in text
        assert watching.wait(10) == 0


def _metrics_until(port: int, wanted: str) -> str:
    deadline = time.monotonic() + 60
    text = ""
    while wanted not in text:
        assert time.monotonic() < deadline, text
        time.sleep(0.1)
        try:
            text = ask(f"http://127.0.0.1:{port}/metrics").body.decode()
        except OSError:
            continue
    return text


# On RabbitMQ


@pytest.fixture(scope="module")
def mesh(rabbitmq: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A router and an edge."""
    with rabbitmq.fresh_vhost() as amqp_url:
        made = Mesh(amqp_url, tmp_path_factory.mktemp("mesh"), edges=1)
        try:
            made.start()
            yield made
        finally:
            made.stop()


def examined(mesh: Mesh, *options: str, **more: str) -> Diagnosis:
    """Look at a mesh from its router's environment."""
    return doctor(
        *("--edge", mesh.url(), "--routers", mesh.grpc, *options),
        environment=mesh.router.env | {"KULL_HOME": str(mesh.router.log.parent), **more},
    )


@pytest.mark.rabbitmq
@pytest.mark.xdist_group("doctor")
def test_a_mesh_on_rabbitmq_flies_a_canary_and_an_account_with_all_rights_is_told(
    mesh: Mesh, rabbitmq: Endpoint
) -> None:
    blind, seeing = examined(mesh), examined(mesh, "--rabbitmq-api", rabbitmq.api)

    assert blind.code == seeing.code == 1
    assert blind.says("accounts", "warning", "may create queues named doctor-")
    assert seeing.says("accounts", "warning", "may configure")
    assert seeing.says("accounts", "warning", "management")
    assert {check for check, _, _ in blind.bad() + seeing.bad()} == {"accounts"}
    assert seeing.canary and seeing.canary["arrived"]
    assert any(each["check"] == "clocks" and "RabbitMQ" in each["what"] for each in seeing.findings)


@pytest.mark.rabbitmq
@pytest.mark.xdist_group("doctor")
def test_an_account_of_a_router_has_neither_more_nor_less(mesh: Mesh, rabbitmq: Endpoint) -> None:
    parts = urlsplit(mesh.amqp_url)
    vhost = parts.path.removeprefix("/")
    with httpx.Client(base_url=rabbitmq.api, timeout=20) as api:
        for name, rights, wrong in (
            ("kull-router-doctor", ROLES["router"], ""),
            ("kull-lacks-doctor", {**ROLES["router"], "read": "^kull[.]dead$"}, "lacks the right"),
        ):
            api.put(f"/api/users/{name}", json={"password": "p" * 12, "tags": ""})
            api.put(f"/api/permissions/{quote(vhost, safe='')}/{name}", json=rights)
            try:
                url = f"amqp://{name}:{'p' * 12}@{parts.hostname}:{parts.port or 5672}/{vhost}"
                found = examined(
                    mesh, "--rabbitmq-api", rabbitmq.api, "--no-canary", KULL_AMQP_URL=url
                )
            finally:
                api.delete(f"/api/users/{name}")
            told = found.bad("accounts")
            assert [wrong in what for _, _, what in told] == ([True] if wrong else [])


@pytest.mark.rabbitmq
@pytest.mark.xdist_group("doctor")
def test_what_differs_in_shards_and_store_is_told(mesh: Mesh, tmp_path: Path) -> None:
    wrong = {"KULL_SHARD_COUNT": "8", "KULL_HOME": str(tmp_path)}

    found = examined(mesh, "--no-canary", **wrong)

    assert found.says("rabbitmq", "error", "has not 8 shards")
    assert found.says("store", "error", "made for 16 shards, 8 are configured")
    assert found.says("nodes", "error", "16 shards, 8 are configured here")


@pytest.mark.rabbitmq
async def test_a_mesh_that_fell_apart_is_told_part_by_part(
    rabbitmq: Endpoint, tmp_path: Path
) -> None:
    with rabbitmq.fresh_vhost() as amqp_url, Mesh(amqp_url, tmp_path, edges=1) as mesh:
        await asyncio.to_thread(mesh.start)
        mesh.edges[0].freeze()
        try:
            stuck = await asyncio.to_thread(examined, mesh)
        finally:
            mesh.edges[0].thaw()
        assert stuck.says("canary", "error", "connecting to the edge")
        assert stuck.says("nodes", "error", "edge http://")

        mesh.router.stop()
        connection = await amqp_connect(amqp_url)
        async with connection:
            channel = await connection.channel()
            await channel.queue_delete(topology.shard_queue(3))
            exchange = await channel.get_exchange(topology.CREDIT)
            route = await channel.get_exchange(topology.ROUTE)
            await route.unbind(exchange, "#")
        found = await asyncio.to_thread(examined, mesh, "--rabbitmq-api", rabbitmq.api)

    assert found.code == 2
    assert found.says("rabbitmq", "error", f"missing: {topology.shard_queue(3)}")
    assert found.says("rabbitmq", "error", f"{topology.CREDIT} → {topology.ROUTE}")
    assert found.says("rabbitmq", "error", "nobody consumes kull.router.00")
    assert found.says("nodes", "error", "router 127.0.0.1")
