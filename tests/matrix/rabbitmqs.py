"""RabbitMQs of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.rabbitmq import installation

INSTALLED = "installed"
# Where systemd-nspawn has its systems, and where archives are commonly unpacked.
PLACES = ("var/lib/machines/*", "opt/rabbitmq_server-*")


@dataclass(frozen=True, slots=True)
class Server:
    """A RabbitMQ that tests can start. `place`: what KULL_TEST_RABBITMQ has to be."""

    place: str
    version: str


def find(name: str) -> Server:
    """Return the installed one, or the one of a path. Raises ValueError."""
    place = "" if name == INSTALLED else str(Path(name).absolute())
    found = installation.named(Path(place)) if place else installation.installed()
    if found is None:
        raise ValueError("no RabbitMQ is installed on this machine")
    return Server(place, found.version())


def known(root: Path = Path("/")) -> Iterator[str]:
    """Return the names of those that are there without being named by anybody."""
    if installation.installed():
        yield INSTALLED
    for pattern in PLACES:
        for folder in sorted(root.glob(pattern)):
            try:
                installation.named(folder)
            except (ValueError, PermissionError):
                continue
            yield str(folder)


def environment(server: Server | None) -> dict[str, str]:
    """Return the environment in which tests start it."""
    ours = {
        name: value for name, value in os.environ.items() if not name.startswith("KULL_TEST_AMQP")
    }
    ours.pop("KULL_TEST_RABBITMQ_API", None)
    return ours | {installation.VARIABLE: server.place if server else ""}
