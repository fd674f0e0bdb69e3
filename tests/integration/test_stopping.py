"""Whatever runs until it is stopped ends in order, also as a job in the background of a shell."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kull_gateway.auth import CONSOLE_READ
from kull_gateway.keys import add
from kull_mesh.subcommands import ENTRIES
from kull_protos.contract.shard import DEFAULT_SHARD_COUNT
from tests.support.audit import deploy
from tests.support.ports import free_port
from tests.support.processes import Processes, command_line, descendants, has_ended, ignoring

SECONDS = 60  # generous, since machines are shared
pytestmark = pytest.mark.timeout(150, func_only=True)
ENDS_BY_ITSELF = {
    *("token", "service-token", "keys", "certs", "send", "config", "definitions", "events"),
    *("nodes", "why", "drain", "revoke", "store", "version"),
}
SECRET = "a-secret-of-the-tests-with-at-least-32-bytes"
NOWHERE = "amqp://guest:guest@127.0.0.1:1/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is started, and how one knows that it runs.

    Attributes:
        arguments: of this Python; `{amqp}`, `{port}` and `{folder}` are filled in.
        runs: a text that it prints once it runs.
        code: what it ends with, by the signal.
    """

    arguments: tuple[str, ...]
    runs: str
    code: Callable[[int], int] = lambda _: 0
    env: dict[str, str] = field(default_factory=dict)


def kull(*arguments: str) -> tuple[str, ...]:
    return ("-m", "kull_mesh", *arguments)


EDGE = {"KULL_EDGE_PORT": "{port}", "KULL_EDGE_ROUTERS": "127.0.0.1:1"}
PROGRAMS = {
    "router": Program(
        arguments=kull("router"),
        runs="waiting_for_rabbitmq",
        env={"KULL_AMQP_URL": "{amqp}", "KULL_TOKEN_SECRET": SECRET, "KULL_GRPC_PORT": "{port}"},
    ),
    "edge": Program(arguments=kull("edge"), runs="edge_started", env=EDGE),
    "edge --workers": Program(arguments=kull("edge", "--workers=2"), runs="edge_started", env=EDGE),
    "gateway": Program(
        arguments=kull("gateway"),
        runs="gateway_ready",
        env={
            "KULL_AMQP_URL": "{amqp}",
            "KULL_SERVICE_SECRET": SECRET,
            "KULL_GATEWAY_PORT": "{port}",
        },
    ),
    "up": Program(arguments=kull("up", "--port=0", "--data={folder}/data"), runs="kull is ready"),
    "play": Program(arguments=kull("play", "--port=0", "--no-browser"), runs="page is ready"),
    "demo": Program(
        arguments=kull("demo", "--port=0", "--no-browser"),
        runs="looks at 12 photographs",
        code=lambda _: 130,
    ),
    "doctor --watch": Program(
        arguments=kull(
            *("doctor", "--watch", "--no-canary", "--port={port}", "--routers=127.0.0.1:1")
        ),
        runs="doctor_watches",
    ),
    "console": Program(
        arguments=kull("console", "--routers=127.0.0.1:1"),
        runs="console_ready",
        env={"KULL_CONSOLE_PORT": "{port}"},
    ),
    "listen": Program(
        arguments=kull("listen", "--url=ws://127.0.0.1:1/ws", "--token=t"),
        runs="trying again in",
        code=lambda number: 128 + number,
    ),
}


def test_every_command_is_known_to_end_by_itself_or_is_stopped_here() -> None:
    assert ENTRIES.keys() == ENDS_BY_ITSELF | {name.split()[0] for name in PROGRAMS}


def stop(name: str, number: signal.Signals, processes: Processes, folder: Path, amqp: str) -> None:
    program = PROGRAMS[name]
    values = {"port": free_port(), "folder": folder, "amqp": amqp}
    env = {"KULL_HOME": str(folder), "KULL_LOG_FORMAT": "json", "PYTHONUNBUFFERED": "1"}
    arguments = [text.format(**values) for text in program.arguments]
    output = folder / "output"
    with output.open("wb") as log:
        process = processes.start(
            *ignoring(number, sys.executable, *arguments),
            env=env | {key: value.format(**values) for key, value in program.env.items()},
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    wait_for(output, program.runs, process)
    started = descendants(process.pid)

    process.send_signal(number)

    assert process.wait(SECONDS) == program.code(number), output.read_text()
    assert "Traceback" not in output.read_text(), output.read_text()
    assert [command_line(each) for each in started if not has_ended(each)] == []


both = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@both
@pytest.mark.parametrize("name", sorted(PROGRAMS.keys() - {"play", "gateway", "console"}))
def test_it_ends_though_whoever_started_it_ignores_the_signal(
    name: str, number: signal.Signals, processes: Processes, tmp_path: Path
) -> None:
    stop(name, number, processes, tmp_path, NOWHERE)


@both
def test_the_console_ends_though_whoever_started_it_ignores_the_signal(
    number: signal.Signals, processes: Processes, tmp_path: Path
) -> None:
    add(tmp_path / "service-keys.json", service="ops", scopes=[CONSOLE_READ])
    stop("console", number, processes, tmp_path, NOWHERE)


@both
def test_the_gateway_ends_though_whoever_started_it_ignores_the_signal(
    number: signal.Signals, processes: Processes, tmp_path: Path, amqp_url: str
) -> None:
    asyncio.run(deploy(amqp_url, DEFAULT_SHARD_COUNT))
    stop("gateway", number, processes, tmp_path, amqp_url)


@both
@pytest.mark.usefixtures("demo_page")
def test_the_page_ends_though_whoever_started_it_ignores_the_signal(
    number: signal.Signals, processes: Processes, tmp_path: Path
) -> None:
    stop("play", number, processes, tmp_path, NOWHERE)


def wait_for(output: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while text not in (said := output.read_text()):
        assert process.poll() is None and time.monotonic() < deadline, said
        time.sleep(0.05)
