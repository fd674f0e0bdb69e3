"""What ran here, in which version: a report without that says nothing."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from bench import interpreter
from bench.rivals import centrifugo
from tests.support import postgres
from tests.support.machine import programs
from tests.support.rabbitmq import installation

# How `go install` writes down a program's module in the program.
_MODULE = re.compile(rb"mod\tgithub\.com/centrifugal/centrifugo/v\d+\tv([\w.-]+)")


def machine() -> str:
    """Return date, processor and system, and the versions of all that takes part."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({_processor()}), "
        f"{platform.system()} {platform.release()}, {', '.join(known())}"
    )


@cache
def known() -> tuple[str, ...]:
    """Return programs and packages with their versions; what is not there is left out."""
    found = [f"{name} {number}" for name, number in _programs() if number]
    packages = [f"{name} {version(name)}" for name in ("aio-pika", "websockets", "picows")]
    return (*found, *packages)


def of_centrifugo(binary: Path) -> str:
    """Return the version of a Centrifugo that a release or `go install` has built.

    The latter calls itself 0.0.0: only a release's build tells it otherwise.
    """
    built = _MODULE.search(binary.read_bytes())
    return built[1].decode() if built else programs.version([str(binary), "version"])


def _programs() -> Iterator[tuple[str, str]]:
    rabbitmq = installation.find()
    yield "RabbitMQ", rabbitmq.version() if rabbitmq else ""
    yield "servers' Python", interpreter.version()
    database = postgres.binaries()
    yield (
        "PostgreSQL",
        programs.version([str(database / "postgres"), "--version"]) if database else "",
    )
    yield "Redis", programs.version(["redis-server", "--version"])
    yield "Node", programs.version(["node", "--version"])
    binary = centrifugo.binary()
    yield "Centrifugo", of_centrifugo(binary) if binary else ""


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
