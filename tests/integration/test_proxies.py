"""A proxy in the environment is for the outside: the mesh and its tools never take it at home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port
from tests.support.up import KULL, SECONDS, running

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(150, func_only=True)


def environment(proxy: str) -> dict[str, Any]:
    """Name a proxy as tools look for it; nothing is exempted."""
    names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {**dict.fromkeys(names, proxy), "no_proxy": "", "NO_PROXY": "", "grpc_proxy": proxy}


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "socks5://127.0.0.1:1"])
def test_a_mesh_starts_and_its_tools_reach_it_around_a_proxy(tmp_path: Path, proxy: str) -> None:
    with running(tmp_path, **environment(proxy)) as up:
        token = up.kull("token", "--user", "u", "--device", "d").strip()
        listener = up.listen(token, "--count", "1")
        up.credit("u", 7)
        output, _ = listener.communicate(timeout=SECONDS)
        ready = subprocess.run(
            [sys.executable, ROOT / "docker/http_ready.py", str(up.port)],
            env={**os.environ, **environment(proxy)},
            check=False,
        )

    assert json.loads(output)["data"]["newBalance"] == 7
    assert ready.returncode == 0


def test_a_proxy_that_cannot_be_used_is_told_with_what_to_do(tmp_path: Path) -> None:
    told = subprocess.run(
        [
            *(*KULL, "send", "credit-update", "--user", "u", "--change", "1", "--new-balance", "1"),
            *("--reason", "r", "--url", f"http://kull.invalid:{free_port()}"),
        ],
        env={**os.environ, "KULL_HOME": str(tmp_path), **environment("socks5://127.0.0.1:1")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 1
    assert "ALL_PROXY" in told.stderr
    assert "NO_PROXY" in told.stderr
    assert "fault of kull" not in told.stderr
