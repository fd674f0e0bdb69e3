"""What the bench asks of a system, and the RabbitMQ that most of them stand on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from bench.cpu import Roles
from bench.load.outlets import Outlet
from tests.support.rabbitmq import RabbitMQ

DAY: Final = 86_400.0  # seconds that a device's token is good for: longer than any load
# The same for all: the collector would cost those more who have more queues and connections.
BROKER_CONFIG = "management_agent.disable_metrics_collector = true\n"


class Rival(Protocol):
    """One system that can do the job. Its methods block.

    Attributes:
        name: in the table.
        promise: what it promises to a device, in a few words.
        dialect: what its devices speak, a key of `DIALECTS`.
    """

    name: str
    promise: str
    dialect: str

    def start(self) -> None:
        """Start everything, with nothing stored, and return when devices can connect."""
        ...

    def close(self) -> None:
        """Stop everything and delete what it stored. Idempotent."""
        ...

    def roles(self) -> Roles:
        """Return its processes by what they are for."""
        ...

    def urls(self) -> Sequence[str]:
        """Return where devices connect, `ws://host:port`, without path."""
        ...

    def token(self, user: str, device: str) -> str:
        """Return what a device presents."""
        ...

    def outlet(self) -> Callable[[], Outlet]:
        """Return what makes the publisher; it is called in another process."""
        ...

    def settle(self) -> None:
        """Let it give back the memory that it does not need."""
        ...

    def broker_objects(self) -> int:
        """Return how many queues and bindings the broker holds."""
        ...


def broker(*, plugins: Sequence[str] = (), config: str = "") -> RabbitMQ:
    """Return a RabbitMQ that is not started yet."""
    return RabbitMQ(plugins=plugins, config=BROKER_CONFIG + config)


def collect_garbage(rabbitmq: RabbitMQ) -> None:
    """Let every process in a RabbitMQ collect its garbage."""
    rabbitmq.ctl("-q", "force_gc")


def objects(rabbitmq: RabbitMQ) -> int:
    """Return how many queues and bindings a RabbitMQ holds."""
    return sum(
        len(rabbitmq.ctl("-q", what, "--no-table-headers").splitlines())
        for what in ("list_queues", "list_bindings")
    )
