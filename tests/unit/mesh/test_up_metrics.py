"""`kull up` tells the metrics of all its roles, to whoever may read them."""

from __future__ import annotations

from pathlib import Path

import httpx

from kull_gateway import service_token
from kull_gateway.auth import METRICS_READ
from kull_mesh.metrics_catalogue import ROLES
from kull_mesh.up import LocalMesh
from tests.support.until import until
from tests.unit.mesh.test_up import KEYS, options


def shown(*scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {service_token(KEYS.service, scopes=scopes)}"}


async def test_all_roles_are_told_and_edges_by_their_names(tmp_path: Path) -> None:
    async with (
        LocalMesh(options(tmp_path, edges=2)) as mesh,
        httpx.AsyncClient(base_url=mesh.http_url, trust_env=False) as http,
    ):
        await mesh.publisher.credit_update(user_id="u", new_balance=1, change=1, reason="Gift")
        counted = mesh.router.core.measures.events.events
        await until(lambda: counted.get("CREDIT_UPDATE", "stored"))
        answer = await http.get("/metrics", headers=shown(METRICS_READ))

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    for line in (
        'kull_edge_sessions{node="edge-1"} 0.0',
        'kull_edge_sessions{node="edge-2"} 0.0',
        "kull_router_edges 2.0",
        "kull_publisher_confirm_seconds_count 1.0",
        'kull_up_cut_total{limit="waiting"} 0.0',
        'kull_router_events_total{outcome="stored",type="CREDIT_UPDATE"} 1.0',
    ):
        assert line in answer.text
    names = {metric.name for role in ROLES for metric in role.metrics}
    missing = {name for name in names if name not in answer.text and "outbox" not in name}
    # The console and the doctor have ports of their own.
    missing = {each for each in missing if not each.startswith(("kull_console_", "kull_doctor_"))}
    assert missing <= {"kull_gateway_request_seconds", "kull_gateway_requests_total"}


async def test_nobody_reads_them_without_the_scope(tmp_path: Path) -> None:
    async with (
        LocalMesh(options(tmp_path)) as mesh,
        httpx.AsyncClient(base_url=mesh.http_url, trust_env=False) as http,
    ):
        nobody = await http.get("/metrics")
        publisher = await http.get("/metrics", headers=shown("credit:write"))

    assert (nobody.status_code, publisher.status_code) == (401, 403)
    assert "kull_" not in nobody.text + publisher.text
