"""Where a test run's RabbitMQ comes from: this machine's package, or Docker."""

from __future__ import annotations

from typing import Protocol

from tests.support.rabbitmq.endpoint import Endpoint
from tests.support.rabbitmq.local import RabbitMQ, installed_script


class NoRabbitMQ(RuntimeError):
    """No RabbitMQ could be started; the text says why."""


class Source(Protocol):
    """A RabbitMQ that is ours to start and stop."""

    endpoint: Endpoint

    def start(self) -> None:
        """Return when it serves."""
        ...

    def close(self) -> None:
        """Stop it and leave nothing behind. Idempotent."""
        ...


def start() -> Source:
    """Start a RabbitMQ: this machine's package, else a container. Raises NoRabbitMQ."""
    if installed_script() is not None:
        return _started(RabbitMQ())
    from docker.errors import DockerException  # slow to import, and rarely needed

    from tests.support.rabbitmq.container import ContainerRabbitMQ

    try:
        return _started(ContainerRabbitMQ())
    except DockerException as error:
        raise NoRabbitMQ(
            f"no rabbitmq-server package is installed, and no container: {error}"
        ) from error


def _started(source: Source) -> Source:
    try:
        source.start()
    except BaseException:
        source.close()
        raise
    return source
