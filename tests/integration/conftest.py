"""A mesh of real processes, one per test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.command import home, kull
from tests.support.mesh import Mesh
from tests.support.rabbitmq import Endpoint

__all__ = ["home", "kull", "mesh"]


@pytest.fixture(scope="module")
def mesh(rabbitmq: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """Run a router and two edges on a virtual host of their own."""
    with rabbitmq.fresh_vhost() as amqp_url:
        running = Mesh(amqp_url, tmp_path_factory.mktemp("mesh"))
        try:
            running.start()
            yield running
        finally:
            running.stop()
