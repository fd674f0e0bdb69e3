"""Event types of one's own: declared in `examples/own_events`, sent in every way, received typed.

Router, edge and gateway are processes of their own, and the deployment is strict: the router gets
the names of the types and imports nothing of ours, the edge gets nothing at all.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
import pytest
from aio_pika import connect as amqp_connect
from pydantic import Field

from gallery.events import PhotoViewed
from kull_client import Event as Got
from kull_client import SyncClient
from kull_gateway import service_token
from kull_mesh import secrets
from kull_mesh.settings import MeshSettings
from kull_producers import Event, EventType, Every, NamedUser, connect
from tests.support.device import WAIT, token
from tests.support.machine import Outcome
from tests.support.mesh import Mesh, Process
from tests.support.ports import free_port
from tests.support.processes import Processes
from tests.support.rabbitmq import Endpoint
from tests.support.until import until
from tests.support.up import running

pytestmark = pytest.mark.timeout(180)

ROOT: Final = Path(__file__).parents[2]
EXAMPLE: Final = ROOT / "examples/own_events"
PAGE: Final = EXAMPLE / "web"
WEB: Final = ROOT / "clients/web"
SERVICE_SECRET: Final = "a-service-secret-of-32-bytes-or-more"
TYPES: Final = "COLLECTION_SHARED,COLLECTION_RENAMED,PHOTO_VIEWED,MAINTENANCE_PLANNED"
LINES: Final = [
    "Otto shares Wedding in Ghent with you: 12 photos",
    "it is called Ghent, in June now",
    "Otto looks at IMG_0012",
    "away for 20 minutes",
]
OURS: Final = {
    "KULL_EVENTS_MODULES": "gallery.events",
    "PYTHONPATH": os.pathsep.join([str(EXAMPLE), os.environ.get("PYTHONPATH", "")]),
}


class CollectionHidden(Event):
    """A collection is hidden. Nobody has told the routers that there is such a type."""

    event_type: ClassVar[EventType] = EventType(
        name="COLLECTION_HIDDEN",
        summary="Tell a user's devices that a collection is hidden.",
        scope="collection:write",
        contract=Every(),
        audience=NamedUser(),
        examples={"One": {"userId": "user_123", "collectionId": "c"}},
    )

    collection_id: str = Field(description="a text")


class Running(Mesh):
    """A strict mesh, and a gateway that knows the types."""

    def __init__(self, amqp_url: str, folder: Path) -> None:
        super().__init__(
            amqp_url, folder, edges=1, KULL_STRICT_EVENTS="true", KULL_EVENT_TYPES=TYPES
        )
        port = free_port()
        self.http = f"http://127.0.0.1:{port}"
        own = {
            "KULL_AMQP_URL": amqp_url,
            "KULL_SERVICE_SECRET": SERVICE_SECRET,
            "KULL_GATEWAY_PORT": str(port),
        }
        self.gateway = Process("gateway", "gateway", OURS | own, folder)

    def start(self) -> None:
        super().start()
        self.gateway.start()
        self.gateway.wait_until_ready(f"{self.http}/readyz")

    def stop(self) -> None:
        self.gateway.stop()
        super().stop()


@pytest.fixture(scope="module")
def mesh(rabbitmq: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with rabbitmq.fresh_vhost() as amqp_url:
        with Running(amqp_url, tmp_path_factory.mktemp("mesh")) as running:
            running.start()
            yield running


@asynccontextmanager
async def listening(mesh: Mesh, user: str) -> AsyncIterator[list[Got]]:
    """A connected device, and what it has got but for presence."""
    got: list[Got] = []
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(SyncClient(mesh.url(), token(user, "mac")))

        async def read() -> None:
            async for event in client:
                got.extend([event] if not event.type.startswith("DEVICE_") else [])

        task = asyncio.create_task(read(), name="reader")
        stack.callback(task.cancel)
        yield got


def told(got: list[Got]) -> list[tuple[str, str, bool]]:
    """The types, their queues and whether they are stored, in an order of their own."""
    return sorted((event.type, event.queue, event.seq is not None) for event in got)


async def share(mesh: Mesh, user: str) -> None:
    """Run the example's service."""
    async with Processes() as processes:
        process = await processes.start_async(
            sys.executable, str(EXAMPLE / "share.py"), user, "--amqp-url", mesh.amqp_url
        )
        async with asyncio.timeout(WAIT):
            assert await process.wait() == 0


@pytest.mark.rabbitmq
async def test_a_service_in_python_tells_a_device_each_type_as_it_is_kept(mesh: Running) -> None:
    async with listening(mesh, "maya") as got:
        await share(mesh, "maya")
        await until(lambda: len(got) == 4)

    assert told(got) == [
        ("COLLECTION_RENAMED", "user", True),
        ("COLLECTION_SHARED", "user", True),
        ("MAINTENANCE_PLANNED", "all", True),
        ("PHOTO_VIEWED", "user", False),
    ]
    shared = next(event for event in got if event.type == "COLLECTION_SHARED")
    assert set(shared.data) == {"collectionId", "title", "sharedBy", "photoCount", "sharedAt"}


@pytest.mark.rabbitmq
async def test_what_only_counts_now_is_not_there_for_who_comes_later(mesh: Running) -> None:
    async with listening(mesh, "eve"):
        pass
    async with connect(mesh.amqp_url, app_id="gallery") as publisher:
        await publisher.publish(PhotoViewed(photo_id="IMG_1", viewer="Otto"), user_id="eve")
    await post(mesh, "collection-renamed", {"userId": "eve", "collectionId": "c", "title": "Ghent"})

    async with listening(mesh, "eve") as got:
        await until(lambda: [event for event in got if event.queue == "user"])

    assert [event.type for event in got if event.queue == "user"] == ["COLLECTION_RENAMED"]


async def post(mesh: Running, type_: str, body: dict[str, Any]) -> httpx.Response:
    key = service_token(SERVICE_SECRET, scopes=["collection:write"])
    async with httpx.AsyncClient(base_url=mesh.http, timeout=WAIT) as client:
        return await client.post(
            f"/api/sync/events/{type_}", json=body, headers={"Authorization": f"Bearer {key}"}
        )


@pytest.mark.rabbitmq
@pytest.mark.parametrize("name", ["collection-renamed", "COLLECTION_RENAMED"])
async def test_a_request_tells_a_device(mesh: Running, name: str) -> None:
    body = {"userId": name, "collectionId": "c", "title": "Ghent"}

    async with listening(mesh, name) as got:
        answer = await post(mesh, name, body)
        wrong = await post(mesh, name, body | {"title": 7})
        await until(lambda: got)

    assert (answer.status_code, wrong.status_code) == (202, 422)
    [event] = got
    assert (event.id, event.type) == (answer.json()["id"], "COLLECTION_RENAMED")
    assert event.data == {"collectionId": "c", "title": "Ghent"}


@pytest.mark.rabbitmq
async def test_kull_sends_it_from_the_folder_of_the_module(mesh: Running, tmp_path: Path) -> None:
    env = {"KULL_EVENTS_MODULES": "gallery.events", "KULL_HOME": str(tmp_path)}
    # As an installed command: the working directory is not on the path by itself.
    kull = [sys.executable, "-P", "-c", "from kull_mesh.cli import main; main()"]
    options = ["--collection", "c", "--title", "Ghent", "--user", "bob", "--id", "once"]

    async with listening(mesh, "bob") as got:
        async with Processes() as processes:
            process = await processes.start_async(
                *("env", "-C", str(EXAMPLE), *kull),
                *("send", "collection-renamed", *options, "--amqp-url", mesh.amqp_url),
                env=env,
            )
            async with asyncio.timeout(WAIT):
                assert await process.wait() == 0
        await until(lambda: got)

    assert [(event.id, event.type) for event in got] == [("once", "COLLECTION_RENAMED")]


@pytest.mark.rabbitmq
async def test_a_strict_router_buries_a_type_that_nobody_named(mesh: Running) -> None:
    async with connect(mesh.amqp_url, app_id="gallery") as publisher:
        await publisher.publish(CollectionHidden(collection_id="c"), user_id="zoe")

    connection = await amqp_connect(mesh.amqp_url)
    async with connection, asyncio.timeout(WAIT):
        queue = await (await connection.channel()).get_queue("kull.dead")
        while (message := await queue.get(fail=False)) is None:
            await asyncio.sleep(0.05)
        await message.ack()

    assert message.type == "COLLECTION_HIDDEN"
    assert "type 'COLLECTION_HIDDEN' is not declared here" in str(message.headers["kull-reason"])


def test_kull_up_takes_the_types_of_its_modules_also_when_it_is_strict(tmp_path: Path) -> None:
    with running(tmp_path, port=None, KULL_STRICT_EVENTS="true", **OURS) as up:
        keys = secrets.load(MeshSettings(home=up.home))
        access = secrets.device_token(keys, user="bob", device="mac", ttl=600)
        listener = up.listen(access, "--count", "2")
        options = ("--begins", "2026-11-28T23:00:00Z", "--minutes", "20", "--url", up.http)

        up.kull("send", "maintenance-planned", "--everybody", *options)
        up.kull("send", "maintenance-planned", "--user", "bob", *options)

        shown, errors = listener.communicate(timeout=WAIT)
    told = [json.loads(line) for line in shown.splitlines()]
    assert [each["type"] for each in told] == ["MAINTENANCE_PLANNED"] * 2, errors
    assert sorted(each["userId"] for each in told) == ["", "bob"]


# The web SDK, as it is published: built, with its declarations.


@pytest.fixture(scope="module")
def package(web_packages: Outcome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has @kull/sync installed, and the example's files."""
    folder = tmp_path_factory.mktemp("page")
    modules, sdk = folder / "node_modules", folder / "node_modules/@kull/sync"
    sdk.mkdir(parents=True)
    source = WEB / "packages/sync"
    shutil.copy(source / "package.json", sdk)
    ran = tsc(web_packages, "-p", source / "tsconfig.build.json", "--outDir", sdk / "dist")
    assert ran.returncode == 0, ran.stdout
    for each in ("ws", "typescript"):
        (modules / each).symlink_to(Path(web_packages.place) / each)
    for file in ("page.ts", "events.ts"):
        shutil.copy(PAGE / file, folder)
    config = {
        "extends": str(WEB / "tsconfig.base.json"),
        "compilerOptions": {"outDir": "js", "rewriteRelativeImportExtensions": True},
        "include": ["*.ts"],
    }
    (folder / "tsconfig.json").write_text(json.dumps(config))
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def tsc(packages: Outcome, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(packages.place) / ".bin/tsc", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


RUN: Final = """
import { WebSocket } from 'ws';
import { follow } from './page.js';

const [url, token] = process.argv.slice(2);
const client = follow({ url, token, WebSocket }, console.log);
client.on('state', ({ name }) => name === 'connected' && console.log('connected'));
client.connect();
"""


@pytest.mark.rabbitmq
async def test_a_page_gets_them_typed(mesh: Running, package: Path, web_packages: Outcome) -> None:
    ran = tsc(web_packages, "-p", package)
    assert ran.returncode == 0, ran.stdout
    (package / "js/run.js").write_text(RUN)

    async with Processes() as processes:
        page = await processes.start_async(
            *("node", str(package / "js/run.js"), mesh.url(), token("ida", "page")),
            stdout=asyncio.subprocess.PIPE,
        )
        assert page.stdout
        async with asyncio.timeout(WAIT):
            assert await page.stdout.readline() == b"connected\n"
            await share(mesh, "ida")
            said = [(await page.stdout.readline()).decode().strip() for _ in LINES]

    assert sorted(said) == sorted(LINES)


@pytest.mark.parametrize(
    ("right", "wrong", "why"),
    [
        ("event.data.viewer", "event.data.colour", "'colour' does not exist on type"),
        ("event.data.minutes}", "event.data.minutes.length}", "'length' does not exist on type"),
        ("client.on('PHOTO_VIEWED'", "client.on('PHOTO_SEEN'", "PHOTO_SEEN"),
    ],
)
def test_a_wrong_field_or_type_does_not_compile(
    package: Path, web_packages: Outcome, right: str, wrong: str, why: str
) -> None:
    page = package / "page.ts"
    source = page.read_text()
    assert source.count(right) == 1
    page.write_text(source.replace(right, wrong))
    try:
        ran = tsc(web_packages, "-p", package, "--noEmit")
    finally:
        page.write_text(source)

    assert ran.returncode != 0
    assert why in ran.stdout


def test_the_official_parser_takes_the_document_of_own_types(
    web_packages: Outcome, tmp_path: Path
) -> None:
    file = tmp_path / "asyncapi.json"
    made = subprocess.run(
        [sys.executable, "-m", "kull_mesh", "events", "--asyncapi", str(file)],
        env={**os.environ, **OURS},
        check=False,
    )
    assert made.returncode == 0

    assert parsed(file).returncode == 0
    document = json.loads(file.read_text())
    del document["channels"]["COLLECTION_SHARED"]["messages"]
    file.write_text(json.dumps(document))
    assert parsed(file).returncode == 1


def parsed(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", WEB / "scripts/asyncapi.mjs", file],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
