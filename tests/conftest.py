"""What every test run needs: a clean environment, and a RabbitMQ for those that ask for one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.rabbitmq import Endpoint, NoRabbitMQ, RabbitMQ, shared

NEEDS_RABBITMQ = {"amqp_url", "rabbitmq", "private_rabbitmq"}


def pytest_configure(config: pytest.Config) -> None:
    """Drop the developer's own KULL_ settings, and open the run that xdist workers share."""
    for name in list(os.environ):
        if name.startswith("KULL_") and not (
            name.startswith("KULL_TEST_") or name.endswith("_IMAGE")
        ):
            del os.environ[name]
    if not hasattr(config, "workerinput"):
        shared.open_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the run has started."""
    if not hasattr(config, "workerinput"):
        shared.close_run()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for RabbitMQ; its start (or installation) is not part of a test's time."""
    for item in items:
        if NEEDS_RABBITMQ & set(getattr(item, "fixturenames", ())):
            item.add_marker("rabbitmq")
        if item.get_closest_marker("rabbitmq") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(60, func_only=True))


@pytest.fixture(scope="session")
def rabbitmq() -> Endpoint:
    """The run's RabbitMQ, shared by all its tests: leave it running."""
    try:
        return shared.endpoint()
    except NoRabbitMQ as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def amqp_url(rabbitmq: Endpoint) -> Iterator[str]:
    """The URL of an empty virtual host of the test's own."""
    with rabbitmq.fresh_vhost() as url:
        yield url


@pytest.fixture
def private_rabbitmq() -> Iterator[RabbitMQ]:
    """A running RabbitMQ of the test's own, to stop, kill and start at will."""
    try:
        broker = RabbitMQ()
    except FileNotFoundError as error:
        pytest.skip(f"needs RabbitMQ's package, to stop and start it: {error}")
    try:
        broker.start()
        yield broker
    finally:
        broker.close()
