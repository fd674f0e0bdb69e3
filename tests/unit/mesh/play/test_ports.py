"""Ports for parts that start a moment later."""

from __future__ import annotations

import subprocess
import sys

from kull_mesh.play.ports import free_port

ASK = "from kull_mesh.play.ports import free_port; print(*(free_port() for _ in range(200)))"


def test_no_port_is_promised_twice_in_this_process_or_in_another() -> None:
    mine = [free_port() for _ in range(200)]
    others = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True, timeout=30
    ).stdout.split()

    ports = [*mine, *map(int, others)]
    assert len(set(ports)) == 400
