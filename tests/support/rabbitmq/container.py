"""RabbitMQ in a container, for machines that have Docker and no RabbitMQ package."""

from __future__ import annotations

import os
import secrets
import time

import httpx
from docker.client import DockerClient
from docker.models.containers import Container

from tests.support.rabbitmq.endpoint import Endpoint
from tests.support.rabbitmq.local import START_SECONDS

IMAGE = "rabbitmq:4-management"


class ContainerRabbitMQ:
    """A throw-away container whose ports are published on the loopback interface.

    Raises docker.errors.DockerException when there is no engine or no image.
    """

    def __init__(self) -> None:
        self._client = DockerClient.from_env()
        self._client.ping()
        self._password = secrets.token_urlsafe(12)
        self._container: Container | None = None
        self.endpoint = Endpoint(amqp="", api="")

    def start(self) -> None:
        """Run the container and return when the broker serves."""
        environment = {
            "RABBITMQ_DEFAULT_USER": "kull",
            "RABBITMQ_DEFAULT_PASS": self._password,
        }
        container = self._client.containers.run(
            os.environ.get("KULL_RABBITMQ_IMAGE", IMAGE),
            detach=True,
            remove=True,
            environment=environment,
            ports={"5672/tcp": ("127.0.0.1", None), "15672/tcp": ("127.0.0.1", None)},
        )
        self._container = container
        container.reload()
        ports = {name: bound[0]["HostPort"] for name, bound in container.ports.items() if bound}
        self.endpoint = Endpoint(
            amqp=f"amqp://kull:{self._password}@127.0.0.1:{ports['5672/tcp']}",
            api=f"http://kull:{self._password}@127.0.0.1:{ports['15672/tcp']}",
        )
        self._wait()

    def close(self) -> None:
        """Stop and remove the container. Idempotent."""
        container, self._container = self._container, None
        if container is not None:
            container.stop(timeout=10)
        self._client.close()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.endpoint.api}/api/vhosts", timeout=5).is_success:
                    return
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(0.2)
        raise RuntimeError(f"RabbitMQ's container does not serve after {START_SECONDS} s")
