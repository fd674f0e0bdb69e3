"""One RabbitMQ for a whole test run: the first test in need starts it, xdist workers share it.

The run's controller makes a folder and names it in KULL_TEST_RUN; workers inherit the name. The
broker runs under a process of its own that ends with the controller, whatever kills that.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.support.rabbitmq.endpoint import Endpoint
from tests.support.rabbitmq.source import NoRabbitMQ

RUN = "KULL_TEST_RUN"
ROOT = Path(__file__).parents[3]


def open_run() -> None:
    """Make the run's folder (controller only)."""
    directory = tempfile.mkdtemp(prefix="kull-test-run-")
    (Path(directory) / "controller").write_text(str(os.getpid()))
    os.environ[RUN] = directory


def close_run() -> None:
    """Stop the broker if one was started, and remove the run's folder (controller only)."""
    directory = Path(os.environ.pop(RUN))
    pid = directory / "keeper"
    if pid.exists():
        os.kill(int(pid.read_text()), signal.SIGTERM)
        with (directory / "running").open() as running:
            fcntl.flock(running, fcntl.LOCK_EX)  # the keeper holds it until RabbitMQ has stopped
    shutil.rmtree(directory)


def endpoint() -> Endpoint:
    """Return the run's RabbitMQ; the first caller of all processes starts it. Raises NoRabbitMQ."""
    given = os.environ.get("KULL_TEST_AMQP_URL")
    if given:
        return Endpoint.of(given, os.environ.get("KULL_TEST_RABBITMQ_API", ""))
    directory = Path(os.environ[RUN])
    known = directory / "endpoint.json"
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not known.exists():
            known.write_text(_start(directory))
    text = known.read_text()
    if not text:
        raise NoRabbitMQ((directory / "keeper.log").read_text())
    return Endpoint(**json.loads(text))


def _start(directory: Path) -> str:
    reader, writer = os.pipe()
    log = str(directory / "keeper.log")
    controller = (directory / "controller").read_text()
    arguments = ["-m", "tests.support.rabbitmq", "--json", "--until-exit-of", controller]
    # Not subprocess: it would warn when this worker ends before the broker does, as it should.
    keeper = os.posix_spawn(
        sys.executable,
        [sys.executable, *arguments, "--lock", str(directory / "running")],
        os.environ | {"PYTHONPATH": str(ROOT)},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, writer, 1),
            (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT, 0o600),
        ],
        setsid=True,
    )
    os.close(writer)
    with os.fdopen(reader) as output:
        line = output.readline()  # empty when the keeper ended without a broker
    if line:
        (directory / "keeper").write_text(str(keeper))
    return line
