"""A mesh of real processes, one per test module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mesh import Mesh
from tests.support.rabbitmq import fresh_vhost


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """Run a router and two edges on a RabbitMQ vhost of their own."""
    folder: Path = tmp_path_factory.mktemp("mesh")
    with fresh_vhost() as amqp_url:
        running = Mesh(amqp_url, folder)
        try:
            running.start()
            yield running
        finally:
            running.stop()
