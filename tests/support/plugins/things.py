"""Tests ask for what they need by fixture; it is found or installed before the first of them runs.

Each worker knows after the collection what its tests ask for, and the first one provides it. So a
part of the tests installs nothing that only others need.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.support import shared_run
from tests.support.machine import THINGS, Outcome, Register, table
from tests.support.postgres import Postgres
from tests.support.rabbitmq import Endpoint, RabbitMQ
from tests.support.rabbitmq.spare import SpareRabbitMQ
from tests.support.spare_database import SpareDatabase

MARKERS = {
    "rabbitmq": {"rabbitmq", "rabbitmq_server"},
    "postgres": {"postgres", "postgres_server"},
}


def register() -> Register:
    """Return the run's."""
    folder = shared_run.folder()
    assert folder is not None, "there is no run: see pytest_configure"
    return Register(folder)


def asked_for(item: pytest.Item) -> set[str]:
    """Return the names of the things that a test needs, itself or through its fixtures."""
    return THINGS.keys() & set(getattr(item, "fixturenames", ()))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Open the run that the workers share, unless this is part of one."""
    if not hasattr(config, "workerinput") and shared_run.folder() is None:
        shared_run.open_run()
        config.add_cleanup(shared_run.close_run)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for a service; its start is not part of a test's time."""
    for item in items:
        needs = asked_for(item)
        for marker, things in MARKERS.items():
            if things & needs:
                item.add_marker(marker)
        if needs and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(60, func_only=True))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Provide what the tests that are left ask for."""
    needed = {name for item in session.items for name in asked_for(item)}
    if not needed or session.config.option.collectonly:
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():  # an installation is told while it goes on
        register().provide(needed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was there, one line for each thing."""
    lines = table(register().known().values())
    if lines:
        terminalreporter.section("what the tests needed of this machine")
        for line in lines:
            terminalreporter.write_line(line)


def _needed(name: str) -> Outcome:
    """Return a thing, or skip the test with the reason why it cannot be had."""
    outcome = register().provide([name])[name]
    if not outcome.there:
        pytest.skip(f"needs {outcome.title}: {outcome.why}")
    return outcome


@pytest.fixture(scope="session")
def rabbitmq_server() -> Outcome:
    """RabbitMQ's package, for those who start servers of their own."""
    return _needed("rabbitmq_server")


@pytest.fixture(scope="session")
def postgres_server() -> Outcome:
    """PostgreSQL's package, for those who start servers of their own."""
    return _needed("postgres_server")


@pytest.fixture(scope="session")
def redis_server() -> Outcome:
    """The program `redis-server`."""
    return _needed("redis_server")


@pytest.fixture(scope="session")
def bench_packages() -> Outcome:
    """The packages of `bench/requirements.txt`. Import what uses them in the test."""
    return _needed("bench_packages")


@pytest.fixture(scope="session")
def web_packages() -> Outcome:
    """The packages that the web SDK is built with; `place` is their folder."""
    return _needed("web_packages")


@pytest.fixture(scope="session")
def demo_page() -> Outcome:
    """The built page of the demo."""
    return _needed("demo_page")


@pytest.fixture(scope="session")
def promtool() -> Outcome:
    """Prometheus' tool for rules and metrics; `place` is its path."""
    return _needed("promtool")


@pytest.fixture(scope="session")
def docker() -> Outcome:
    """A Docker engine that answers."""
    return _needed("docker")


@pytest.fixture(scope="session")
def docker_compose() -> Outcome:
    """The command `docker compose`."""
    return _needed("docker_compose")


@pytest.fixture(scope="session")
def rabbitmq() -> Endpoint:
    """The run's RabbitMQ, shared by all its tests: leave it running."""
    outcome = register().provide(["rabbitmq"])["rabbitmq"]
    if not outcome.there:
        pytest.fail(f"needs RabbitMQ: {outcome.why}, or say -m 'not rabbitmq'", pytrace=False)
    given = os.environ.get("KULL_TEST_AMQP_URL")
    if given:
        return Endpoint.of(given, os.environ.get("KULL_TEST_RABBITMQ_API", ""))
    return Endpoint(**json.loads(_serving("rabbitmq")))


@pytest.fixture
def amqp_url(rabbitmq: Endpoint) -> Iterator[str]:
    """The URL of an empty virtual host of the test's own."""
    with rabbitmq.fresh_vhost() as url:
        yield url


@pytest.fixture(scope="session")
def spare_rabbitmq(rabbitmq_server: Outcome) -> Iterator[SpareRabbitMQ]:
    """For `private_rabbitmq`."""
    spare = SpareRabbitMQ()
    try:
        yield spare
    finally:
        spare.close()


@pytest.fixture
def private_rabbitmq(spare_rabbitmq: SpareRabbitMQ) -> Iterator[RabbitMQ]:
    """A running RabbitMQ of the test's own, to stop, kill and start at will."""
    broker = spare_rabbitmq.take()
    try:
        yield broker
    finally:
        spare_rabbitmq.give_back(broker)


@pytest.fixture(scope="session")
def postgres() -> str:
    """The URL of the run's PostgreSQL, shared by all its tests: leave it running."""
    outcome = register().provide(["postgres"])["postgres"]
    if not outcome.there:
        pytest.fail(f"needs PostgreSQL: {outcome.why}, or say -m 'not postgres'", pytrace=False)
    return os.environ.get("KULL_TEST_POSTGRES_URL") or str(json.loads(_serving("postgres")))


@pytest.fixture(scope="session")
def spare_database(postgres: str) -> Iterator[SpareDatabase]:
    """For `database_url`."""
    spare = SpareDatabase(postgres)
    try:
        yield spare
    finally:
        spare.close()


@pytest.fixture
def database_url(spare_database: SpareDatabase) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own."""
    url = spare_database.take()
    yield url
    spare_database.give_back(url)


@pytest.fixture
def private_postgres(postgres_server: Outcome) -> Iterator[Postgres]:
    """A running PostgreSQL of the test's own, to stop, kill and start at will."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.close()


def _serving(service: str) -> str:
    try:
        return shared_run.service(service)
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
