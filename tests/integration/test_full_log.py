"""A log that cannot be written ends nothing."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.http import ask
from tests.support.up import KULL, SECONDS, Up

pytestmark = pytest.mark.timeout(150, func_only=True)


def test_a_mesh_serves_and_ends_in_order_while_its_log_is_full(tmp_path: Path) -> None:
    # It warns at the start (a development secret, a broker in memory), and of each bad token.
    with Path("/dev/full").open("w") as full, Up(tmp_path, stderr=full, PYTHONUNBUFFERED="") as up:
        up.ready_line()
        for _ in range(3):
            told = subprocess.run(
                [*KULL, "listen", "--url", up.ws, "--token", "bad"],
                env=up.env,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            assert told.returncode == 1
        assert up.credit("u", 1)
        assert ask(f"{up.http}/readyz", seconds=SECONDS).status == 200
        up.process.send_signal(signal.SIGTERM)
        assert up.process.wait(SECONDS) == 0
