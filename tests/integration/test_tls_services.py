"""RabbitMQ and PostgreSQL over TLS, with their certificates and host names checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from kull_mesh import certs
from kull_producers import ConnectError, connect
from kull_router.broker.amqp.connection import AmqpConnection
from kull_router.broker.amqp.url import AmqpUrl
from kull_router.errors import BrokerUnavailable, RouterError
from kull_router.queues.port import Retention
from kull_router.queues.sql.postgres import PostgresStore
from tests.support.device import device, token
from tests.support.machine import Outcome
from tests.support.mesh import Mesh
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.rabbitmq import RabbitMQ

pytestmark = [
    pytest.mark.xdist_group("tls"),
    pytest.mark.timeout(120, func_only=True),
]

RABBITMQ = """\
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {folder}/ca.crt
ssl_options.certfile = {folder}/router-{name}.crt
ssl_options.keyfile = {folder}/router-{name}.key
ssl_options.verify = verify_none
"""


@dataclass(frozen=True, slots=True)
class Services:
    """URLs that end in the file of the authority that is believed."""

    amqp: str
    database: str
    ours: Path
    theirs: Path

    def amqp_url(self, authority: Path, host: str = "127.0.0.1") -> str:
        return f"{self.amqp.replace('HOST', host)}?cafile={quote(str(authority))}"

    def database_url(self, authority: Path) -> str:
        return f"{self.database}?sslmode=verify-full&sslrootcert={quote(str(authority))}"


@pytest.fixture(scope="module")
def services(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_server: Outcome, postgres_server: Outcome
) -> Iterator[Services]:
    folder, other = (tmp_path_factory.mktemp(name) for name in ("ours", "theirs"))
    certs.make_authority(other)
    certs.make_authority(folder)
    # Whoever serves is reached by address only: by a name it is somebody else.
    for name in ("rabbitmq", "postgres"):
        certs.issue(folder, "router", name, hosts=["127.0.0.1"])
    port = free_port()
    broker = database = None
    try:
        broker = RabbitMQ(config=RABBITMQ.format(port=port, folder=folder, name="rabbitmq"))
        database = Postgres()
        database.insist_on_tls(folder / "router-postgres.crt", folder / "router-postgres.key")
        broker.start()
        database.start()
        yield Services(
            amqp=f"amqps://guest:guest@HOST:{port}/%2F",
            database=database.url,
            ours=folder / "ca.crt",
            theirs=other / "ca.crt",
        )
    finally:
        for each in (broker, database):
            if each:
                each.close()


async def test_an_event_goes_its_whole_way_over_tls(services: Services, tmp_path: Path) -> None:
    amqp, database = services.amqp_url(services.ours), services.database_url(services.ours)
    mesh = Mesh(amqp, tmp_path, edges=1, database_url=database)
    try:
        mesh.start()
        async with (
            connect(amqp) as publisher,
            device(mesh.url(), token("maya", "mac")) as mac,
        ):
            await publisher.credit_update(user_id="maya", new_balance=5, change=5, reason="Gift")
            assert (await mac.event())["data"]["newBalance"] == 5
    finally:
        mesh.stop()
    with psycopg.connect(database) as db:
        assert db.execute(
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).fetchone() == (True,)


@pytest.mark.parametrize("wrong", ["authority", "host"])
async def test_a_rabbitmq_that_is_not_ours_gets_no_password(services: Services, wrong: str) -> None:
    url = services.amqp_url(
        services.theirs if wrong == "authority" else services.ours,
        "localhost" if wrong == "host" else "127.0.0.1",
    )
    publisher = connect(url, timeout=1)
    with pytest.raises(ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        async with publisher:
            pass
    with pytest.raises(BrokerUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await AmqpConnection.open(AmqpUrl.parse(url), name="router", on_lost=lambda: None)


async def test_a_postgresql_that_is_not_ours_gets_no_password(services: Services) -> None:
    with pytest.raises(RouterError, match="SSL error"):
        await PostgresStore.open(
            services.database_url(services.theirs), shard_count=16, retention=Retention()
        )
