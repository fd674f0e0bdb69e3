"""The compose file is valid, and what it starts delivers.

Where images cannot be pulled, KULL_PYTHON_IMAGE, KULL_NODE_IMAGE, KULL_RABBITMQ_IMAGE and
KULL_POSTGRES_IMAGE name stand-ins: a pass then proves the compose file, the Dockerfile and the
wiring, not the upstream images.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin

from kull_gateway import service_token
from tests.support.device import SECRET, V2, device, token
from tests.support.machine import Outcome
from tests.support.ports import free_port

pytestmark = [pytest.mark.compose, pytest.mark.xdist_group("compose"), pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SERVICE_SECRET = "the-service-secret-of-the-test-has-32-bytes"
ENVIRONMENT = {
    "KULL_RABBITMQ_ROUTER_PASSWORD": "only-for-this-test-1",
    "KULL_RABBITMQ_PRODUCER_PASSWORD": "only-for-this-test-2",
    "KULL_POSTGRES_PASSWORD": "only-for-this-test-too",
    "KULL_TOKEN_SECRET": SECRET,
    "KULL_SERVICE_SECRET": SERVICE_SECRET,
}


def compose(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "compose", "--project-name", f"kull-test-{os.getpid()}", *arguments],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )


@pytest.mark.usefixtures("docker_compose")
def test_the_compose_file_is_valid() -> None:
    result = compose("--profile", "demo", "config", "--quiet", **ENVIRONMENT)

    assert result.returncode == 0, result.stderr


@pytest.mark.usefixtures("docker_compose")
def test_no_secret_has_a_default() -> None:
    result = compose("config", "--quiet")

    assert result.returncode != 0
    assert "copy .env.example to .env" in result.stderr


@pytest.mark.usefixtures("docker_compose")
def test_the_example_environment_names_all_that_is_needed() -> None:
    result = compose("--env-file", ".env.example", "config", "--quiet")

    assert result.returncode == 0, result.stderr


@pytest.mark.usefixtures("docker_compose")
def test_edges_get_no_secret_and_no_way_to_rabbitmq() -> None:
    result = compose("config", "--format", "json", **ENVIRONMENT)

    services = json.loads(result.stdout)["services"]
    for name in ("edge-1", "edge-2"):
        assert not any(
            secret in json.dumps(services[name]["environment"]) for secret in ENVIRONMENT.values()
        )
        assert "broker" not in services[name]["networks"]


@pytest.mark.usefixtures("docker_compose")
def test_each_role_sees_its_own_keys_and_nobody_that_runs_the_authoritys() -> None:
    result = compose("--profile", "*", "config", "--format", "json", **ENVIRONMENT)

    services = json.loads(result.stdout)["services"]
    certs = {
        name: {
            (volume["source"], volume.get("read_only", False))
            for volume in service.get("volumes", ())
            if volume["source"].startswith("certs-")
        }
        for name, service in services.items()
    }
    assert len(certs.pop("certificates")) == 5
    assert {name: volumes for name, volumes in certs.items() if volumes} == {
        "router-1": {("certs-router", True)},
        "router-2": {("certs-router", True)},
        "edge-1": {("certs-edge", True)},
        "edge-2": {("certs-edge", True)},
        "operator": {("certs-operator", True)},
        "gateway": {("certs-viewer", True)},
        "console": {("certs-operator", True)},
    }


def test_the_image_installs_what_the_lock_of_the_workspace_pins() -> None:
    def pins(path: Path) -> set[str]:
        return {line.split(" ")[0] for line in path.read_text().splitlines() if "==" in line}

    image = pins(ROOT / "docker/requirements.lock")
    assert image
    assert image <= pins(ROOT / "requirements.lock")


@dataclass(frozen=True, slots=True)
class Production:
    """What runs, and where it is reached."""

    env: dict[str, str]
    edges: tuple[str, str]
    gateway: str


@pytest.fixture(scope="module")
def production(docker: Outcome, docker_compose: Outcome) -> Iterator[Production]:
    """The whole of compose.yaml, on free ports."""
    one, two, gateway = (free_port() for _ in range(3))
    ports = {"EDGE_1": one, "EDGE_2": two, "GATEWAY": gateway}
    env = {**ENVIRONMENT, **{f"KULL_{name}_PORT": str(port) for name, port in ports.items()}}
    try:
        started = compose("up", "--build", "--wait", "--quiet-pull", **env)
        if "pull access denied" in started.stderr or "failed to resolve" in started.stderr:
            pytest.skip(f"an image cannot be had here: {started.stderr[-300:]}")
        assert started.returncode == 0, (
            started.stderr[-3000:] + compose("logs", **env).stdout[-3000:]
        )
        yield Production(
            env=env,
            edges=(f"ws://127.0.0.1:{one}/ws", f"ws://127.0.0.1:{two}/ws"),
            gateway=f"http://127.0.0.1:{gateway}",
        )
    finally:
        compose("--profile", "demo", "down", "--volumes", "--timeout", "5", **env)


async def test_an_event_reaches_a_device_on_each_edge(production: Production) -> None:
    async with (
        device(production.edges[0], token("maya", "mac")) as mac,
        device(production.edges[1], token("maya", "phone")) as phone,
        httpx.AsyncClient(base_url=production.gateway) as gateway,
    ):
        answer = await gateway.post(
            "/api/sync/credit-update",
            json={"userId": "maya", "newBalance": 500, "change": 100, "reason": "Test"},
            headers={"Authorization": f"Bearer {service_token(SERVICE_SECRET)}"},
            timeout=20,
        )
        assert answer.status_code == 202, answer.text
        async with asyncio.timeout(30):
            for each in (mac, phone):
                assert (await each.event())["data"]["newBalance"] == 500


def test_operators_look_and_act_with_their_certificates(production: Production) -> None:
    def kull(*arguments: str) -> subprocess.CompletedProcess[str]:
        return compose(*arguments, **production.env)

    seen = kull("exec", "-T", "router-1", "kull", "nodes")
    assert seen.returncode == 0, seen.stderr
    assert {"router-1", "edge-1", "edge-2"} <= set(seen.stdout.split())

    revoke = ["kull", "revoke", "--user", "nobody"]
    acted = kull("run", "--rm", "-T", "operator", *revoke)
    assert (acted.returncode, acted.stdout.split(";")[0]) == (0, "revoked"), acted.stderr
    refused = kull("exec", "-T", "router-1", *revoke)
    assert refused.returncode != 0
    assert "router router-1 may not call Revoke" in refused.stderr


def test_who_has_no_certificate_gets_no_answer_from_a_router(production: Production) -> None:
    unset = [part for name in ("CA", "CERT", "KEY") for part in ("-u", f"KULL_TLS_{name}")]
    bare = ["env", *unset, "kull", "nodes", "--routers", "router-1:7400"]

    refused = compose("exec", "-T", "edge-1", *bare, **production.env)

    assert refused.returncode != 0
    assert "does not answer" in refused.stderr


async def test_the_gateway_serves_the_page_which_may_connect_to_both_edges(
    production: Production,
) -> None:
    async with httpx.AsyncClient(base_url=production.gateway, timeout=20) as gateway:
        index = await gateway.get("/shoots/some-shoot")
        (script,) = re.findall(r'src="(/assets/[^"]+\.js)"', index.text)
        assert (await gateway.get(script)).status_code == 200
        about = (await gateway.get("/api/page")).json()
    assert about == {"demo": False, "edges": list(production.edges)}

    for edge in production.edges:
        async with connect(edge, origin=Origin(production.gateway), subprotocols=[V2]) as page:
            await page.send(json.dumps({"type": "HELLO", "token": token("maya", "page")}))
            assert json.loads(await page.recv())["type"] == "WELCOME"


async def test_the_demo_producer_takes_a_shoot_through_rabbitmq(production: Production) -> None:
    async with device(production.edges[0], token("maya", "tablet")) as tablet:
        ran = await asyncio.to_thread(
            compose, "--profile", "demo", "run", "--rm", "demo-producer", **production.env
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        shoot = [
            event["data"]
            for event in await tablet.events_until(
                lambda event: event["data"].get("status") == "completed"
            )
            if event["type"] == "SHOOT_PROGRESS"  # a device of another test may just be leaving
        ]

    assert shoot[-1]["processedCount"] == shoot[-1]["totalCount"] == 12
    counts = [data["processedCount"] for data in shoot]
    assert counts == sorted(counts)


async def test_the_second_router_takes_over_when_the_serving_one_is_killed(
    production: Production,
) -> None:
    async with (
        device(production.edges[0], token("otto", "mac")) as mac,
        httpx.AsyncClient(base_url=production.gateway, timeout=30) as gateway,
    ):
        for router in ("router-1", "router-2"):  # one of them serves
            killed = await asyncio.to_thread(
                compose, "kill", "--signal", "KILL", router, **production.env
            )
            assert killed.returncode == 0, killed.stderr
            balance = int(router[-1])
            await gateway.post(
                "/api/sync/credit-update",
                json={"userId": "otto", "newBalance": balance, "change": 1, "reason": "Test"},
                headers={"Authorization": f"Bearer {service_token(SERVICE_SECRET)}"},
            )
            mac.patience = 60
            event = await mac.event()
            assert event["data"]["newBalance"] == balance
            await mac.ack(event)
            started = await asyncio.to_thread(
                compose, "up", "--wait", "--no-build", router, **production.env
            )
            assert started.returncode == 0, started.stderr
