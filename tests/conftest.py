"""What every test run needs: a clean environment, and a RabbitMQ for those that ask for one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support import postgres as postgres_support
from tests.support import shared_run
from tests.support.rabbitmq import Endpoint, RabbitMQ

NEEDS = {
    "rabbitmq": {"amqp_url", "rabbitmq", "private_rabbitmq"},
    "postgres": {"database_url", "private_postgres"},
}


# How long an example takes says more of the machine than of the code.
settings.register_profile("kull", deadline=None)
settings.load_profile("kull")


def pytest_configure(config: pytest.Config) -> None:
    """Drop the developer's own KULL_ settings, and open the run that xdist workers share."""
    for name in list(os.environ):
        if name.startswith("KULL_") and not (
            name.startswith("KULL_TEST_") or name.endswith("_IMAGE")
        ):
            del os.environ[name]
    if not hasattr(config, "workerinput"):
        shared_run.open_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the run has started."""
    if not hasattr(config, "workerinput"):
        shared_run.close_run()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for a service; its start (or installation) is not part of a test's time."""
    for item in items:
        for service, fixtures in NEEDS.items():
            if fixtures & set(getattr(item, "fixturenames", ())):
                item.add_marker(service)
            if item.get_closest_marker(service) and not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(60, func_only=True))


@pytest.fixture(scope="session")
def rabbitmq() -> Endpoint:
    """The run's RabbitMQ, shared by all its tests: leave it running."""
    given = os.environ.get("KULL_TEST_AMQP_URL")
    if given:
        return Endpoint.of(given, os.environ.get("KULL_TEST_RABBITMQ_API", ""))
    try:
        return Endpoint(**json.loads(shared_run.service("rabbitmq")))
    except RuntimeError as error:
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


@pytest.fixture
def database_url() -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own."""
    try:
        url = postgres_support.shared_url()
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    with postgres_support.fresh_database(url) as fresh:
        yield fresh


@pytest.fixture
def private_postgres() -> Iterator[postgres_support.Postgres]:
    """A running PostgreSQL of the test's own, to stop, kill and start at will."""
    try:
        server = postgres_support.Postgres()
    except FileNotFoundError as error:
        pytest.skip(f"needs PostgreSQL's package, to stop and start it: {error}")
    try:
        server.start()
        yield server
    finally:
        server.close()
