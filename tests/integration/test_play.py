"""The demo page's mesh and services, without the page."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from kull_client import SyncClient
from kull_edge.link.channels import Channels
from kull_gateway import service_token
from kull_mesh.errors import MeshError
from kull_mesh.play import page
from kull_mesh.play.app import create_app
from kull_mesh.play.business import Business
from kull_mesh.play.mesh import PlayMesh
from kull_mesh.play.purse import MemoryPurse, NotEnough
from kull_mesh.secrets import Keys
from kull_mesh.up import LocalMesh, UpOptions
from tests.support.until import until

KEYS = Keys("d" * 48, "s" * 48)
WAIT = 45.0  # seconds; an edge is a process that starts


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Return a folder with a page in it."""
    folder = tmp_path / "pages"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<p>the page</p>")
    (folder / "assets/index.js").write_text("1")
    return folder


@asynccontextmanager
async def playing(
    tmp_path: Path, pages: Path | None
) -> AsyncIterator[tuple[PlayMesh, httpx.AsyncClient]]:
    """Run mesh and app, and return the mesh and a client of the app."""
    async with (
        PlayMesh(keys=KEYS, data=tmp_path / "data") as mesh,
        Business(mesh.publisher, rng=random.Random(1), pace=0.01) as business,
        Channels(None) as channels,
    ):
        app = create_app(mesh, business, pages, channels=channels)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://play") as http:
            yield mesh, http


async def test_the_page_loads_connects_to_and_is_framed_by_what_is_its_own(
    tmp_path: Path, pages: Path
) -> None:
    async with playing(tmp_path, pages) as (_, http):
        for path in ("/", "/together", "/prompts", "/shoots/s1"):
            policy = (await http.get(path)).headers["content-security-policy"]
            parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
            assert parts["default-src"] == parts["frame-ancestors"] == "'self'"
            assert parts["connect-src"].split() == ["'self'", "ws:", "wss:"]


async def token(http: httpx.AsyncClient, device: str) -> str:
    answer = await http.post("/api/play/token", json={"user": "maya", "device": device})
    return str(answer.json()["token"])


async def balances(client: SyncClient, last: int) -> list[int]:
    """Return the balances that come, up to the last one."""
    seen: list[int] = []
    async with asyncio.timeout(WAIT):
        async for event in client:
            if event.type == "CREDIT_UPDATE":
                seen.append(event.data["newBalance"])
                if seen[-1] == last:
                    break
    return seen


async def test_devices_survive_the_death_of_an_edge_and_a_restart_of_the_router(
    tmp_path: Path, pages: Path
) -> None:
    async with playing(tmp_path, pages) as (mesh, http):
        (edge, _) = mesh.edges
        client = SyncClient(edge.url, await token(http, "mac"), random=lambda: 0.1)
        async with client:
            await http.post("/api/play/credits", json={"user": "maya", "change": 1})
            assert await balances(client, 121) == [121]
            assert (await http.post(f"/api/play/edges/{edge.name}/kill")).status_code == 202
            await until(lambda: not edge.alive, seconds=WAIT)
            await http.post("/api/play/credits", json={"user": "maya", "change": 1})
            assert await balances(client, 122) == [122]

            assert (await http.post("/api/play/router/restart")).status_code == 202
            await until(lambda: not mesh.router_ready, seconds=WAIT)
            await http.post("/api/play/credits", json={"user": "maya", "change": 1})
            assert await balances(client, 123) == [123]
            assert mesh.router_ready
            state = (await http.get("/api/play")).json()
            assert state["router"] is True
            assert [each["alive"] for each in state["edges"]] == [True, True]


async def test_a_shoot_is_processed_and_its_keepers_cost_credits(
    tmp_path: Path, pages: Path
) -> None:
    async with playing(tmp_path, pages) as (mesh, http):
        client = SyncClient(mesh.edges[0].url, await token(http, "mac"))
        async with client:
            started = await http.post("/api/play/shoots", json={"user": "maya", "photos": 30})
            ticks: list[dict[str, Any]] = []
            async with asyncio.timeout(WAIT):
                async for event in client:
                    if event.type == "SHOOT_PROGRESS":
                        ticks.append(dict(event.data))
                        if event.data["status"] == "completed":
                            break
        assert {tick["shootId"] for tick in ticks} == {started.json()["shootId"]}
        counts = [tick["processedCount"] for tick in ticks]
        assert counts == sorted(counts)
        assert counts[-1] == 30
        balance = (await http.get("/api/credits/balance", params={"user": "maya"})).json()
        assert balance["balance"] < 120


async def test_every_address_of_the_page_is_the_page(tmp_path: Path, pages: Path) -> None:
    async with playing(tmp_path, pages) as (_, http):
        for path in ("/", "/shoots/test-shoot-123", "/settings"):
            assert (await http.get(path)).text == "<p>the page</p>"
        assert (await http.get("/assets/index.js")).text == "1"
        for path in ("/api/nothing", "/assets/nothing.js"):
            assert (await http.get(path)).status_code == 404
        assert (await http.post("/api/play/edges/edge-9/kill")).status_code == 404
        assert (await http.post("/api/play/token", json={"user": ""})).status_code == 422
        about = (await http.get("/api/page")).json()
        assert about["demo"] is True
        assert all(url.startswith("ws://127.0.0.1:") for url in about["edges"])


async def test_workers_that_are_processes_find_the_http_triggers_beside_the_page(
    tmp_path: Path, pages: Path
) -> None:
    async with playing(tmp_path, pages) as (_, http):
        body = {"userId": "maya", "newBalance": 5, "change": 5, "reason": "Gift"}
        shown = {"Authorization": f"Bearer {service_token(KEYS.service)}"}
        accepted = await http.post("/api/sync/credit-update", json=body, headers=shown)
        assert accepted.status_code == 202
        assert (await http.post("/api/sync/credit-update", json=body)).status_code == 401


async def test_without_a_page_the_services_are_there_all_the_same(tmp_path: Path) -> None:
    async with playing(tmp_path, None) as (_, http):
        assert (await http.get("/")).status_code == 404
        assert (await http.get("/api/prompts")).status_code == 200


async def test_a_shoot_without_credits_fails_and_says_why(tmp_path: Path, pages: Path) -> None:
    async with playing(tmp_path, pages) as (mesh, http):
        spent = await http.post("/api/play/credits", json={"user": "maya", "change": -120})
        assert spent.json() == {"balance": 0}
        refused = await http.post("/api/play/credits", json={"user": "maya", "change": -1})
        assert refused.status_code == 409
        async with SyncClient(mesh.edges[0].url, await token(http, "mac")) as client:
            await http.post("/api/play/shoots", json={"user": "maya", "photos": 100})
            async with asyncio.timeout(WAIT):
                async for event in client:
                    if event.data.get("status") == "failed":
                        break
        assert event.data["errorMessage"] == "no credits are left: buy some"


def test_a_balance_is_never_negative() -> None:
    purse = MemoryPurse()
    first = purse.book("maya", -120, "all of it")
    assert first.balance == 0
    with pytest.raises(NotEnough):
        purse.book("maya", -1, "more")
    assert purse.balance("maya") == 0


def test_a_page_that_is_not_built_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(page, "PAGES", tmp_path)

    assert page.built() is None
    with pytest.raises(MeshError, match="make page"):
        page.folder()


async def test_a_mesh_that_is_up_serves_the_page_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pages: Path
) -> None:
    monkeypatch.setattr(page, "PAGES", pages)
    options = UpOptions(keys=KEYS, data=tmp_path / "data", port=0)

    async with LocalMesh(options) as mesh, httpx.AsyncClient(base_url=mesh.http_url) as http:
        assert (await http.get("/shoots/dunes")).text == "<p>the page</p>"
        assert (await http.get("/assets/index.js")).text == "1"
        assert (await http.get("/api/page")).json() == {"demo": False, "edges": []}
        assert (await http.get("/api/sync/status")).status_code == 200
