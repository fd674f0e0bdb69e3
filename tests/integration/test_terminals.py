"""What the commands print fits the terminal, whatever that is and whatever others have written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.http import ask
from tests.support.up import SECONDS, Up, running

pytestmark = pytest.mark.timeout(150, func_only=True)


def test_an_emoji_reaches_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    with running(tmp_path, PYTHONIOENCODING="ascii", LC_ALL="C") as up:
        token = up.kull("token", "--user", "u", "--device", "d").strip()
        listener = up.listen(token, "--count", "1")
        up.kull(
            *("send", "credit-update", "--user", "u", "--change", "1", "--new-balance", "1"),
            *("--reason", "😀", "--url", up.http),
        )
        output, _ = listener.communicate(timeout=SECONDS)

    assert output.isascii()
    assert json.loads(output)["data"]["reason"] == "😀"
    assert listener.returncode == 0


def test_the_addresses_of_an_ipv6_host_can_be_opened_as_they_are_printed(tmp_path: Path) -> None:
    with Up(tmp_path, "--host", "::1") as up:
        *_, ws, http = up.ready_line().split()
        status = ask(f"{http}/readyz", seconds=SECONDS).status
        up.credit("u", 1, "--url", http)

    assert (ws, http) == (f"ws://[::1]:{up.port}/ws", f"http://[::1]:{up.port}")
    assert status == 200
