"""Prometheus' own tool takes the rules, the configuration and the metrics."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx

from kull_gateway import service_token
from kull_gateway.auth import METRICS_READ
from kull_mesh.secrets import Keys
from kull_mesh.up import LocalMesh, UpOptions
from tests.support.machine import Outcome

KEYS = Keys("device-key-of-thirty-two-bytes-and-more", "service-key-of-thirty-two-bytes-and-more")
FOLDER = Path(__file__).parents[2] / "deploy/prometheus"


def run(promtool: Outcome, *arguments: str, given: bytes = b"") -> str:
    done = subprocess.run(
        [promtool.place, *arguments], cwd=FOLDER, input=given, capture_output=True, check=False
    )
    output = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, output
    return output


def test_the_rules_are_rules(promtool: Outcome) -> None:
    assert "SUCCESS" in run(promtool, "check", "rules", "rules.yml")


def test_the_configuration_is_one(promtool: Outcome) -> None:
    assert "SUCCESS" in run(promtool, "check", "config", "prometheus.yml")


def test_every_alert_fires_when_it_must_and_only_then(promtool: Outcome) -> None:
    assert "SUCCESS" in run(promtool, "test", "rules", "rules_test.yml")


async def test_the_metrics_of_all_roles_follow_the_conventions(
    promtool: Outcome, tmp_path: Path
) -> None:
    async with LocalMesh(UpOptions(keys=KEYS, data=tmp_path, port=0, edges=2)) as mesh:
        token = service_token(KEYS.service, scopes=[METRICS_READ])
        async with httpx.AsyncClient(base_url=mesh.http_url, trust_env=False) as http:
            answer = await http.get("/metrics", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200
    run(promtool, "check", "metrics", given=answer.content)
