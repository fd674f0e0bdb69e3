"""An event type costs one model: in a copy of the code one file is changed by hand, and a device
gets the new event, whoever sends it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from filecmp import cmp
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from kull_client import Event, SyncClient
from kull_gateway import service_token
from kull_mesh import secrets
from kull_mesh.settings import MeshSettings
from tests.support.device import WAIT
from tests.support.machine import Outcome
from tests.support.members import MEMBERS
from tests.support.rabbitmq import Endpoint
from tests.support.up import Up, running

pytestmark = pytest.mark.timeout(300)  # many processes, each of which imports everything

ROOT: Final = Path(__file__).parents[2]
WEB: Final = "clients/web"
MODELS: Final = "producers/kull_producers/events/models.py"
GENERATED: Final = {
    "producers/kull_producers/publishing/event_methods.py",
    f"{WEB}/packages/sync/schema/events.json",
    f"{WEB}/packages/sync/src/events.generated.ts",
    "docs/schema/asyncapi.json",
    "docs/schema/server.json",
}
NOT_COPIED: Final = shutil.ignore_patterns("__pycache__", "node_modules", "dist", "pages")

MODEL: Final = '''
class CollectionShared(Event):
    """Somebody shares a collection with a user. Each one counts."""

    event_type = EventType(
        name="COLLECTION_SHARED",
        summary="Tell a user's devices that somebody shares a collection with them.",
        exchange="kull.collection",
        scope="collection:write",
        contract=Every(),
        audience=NamedUser(),
        examples={
            "A wedding": {
                "userId": "user_123",
                "collectionId": "collection_1",
                "title": "Wedding in Ghent",
                "photoCount": 12,
                "tags": ["wedding", "ghent"],
            }
        },
    )

    collection_id: Id = Field(description="1 to 128 characters without control characters")
    title: str = Field(max_length=100, description="a text of at most 100 characters")
    photo_count: Count = Field(description="a whole number, 0 or more")
    tags: tuple[str, ...] | None = Field(None, strict=False, description="texts")


EVENTS: Final = Catalogue(CollectionShared, '''

# What a worker writes, for a publisher of any kind.
WORKER: Final = """
import asyncio, inspect
from kull_producers import OutboxPublisher, Publisher, SyncOutboxPublisher, SyncPublisher
from kull_producers.testing import InMemoryPublisher

for kind in (Publisher, OutboxPublisher, SyncPublisher, SyncOutboxPublisher):
    method = kind.collection_shared
    print(inspect.signature(method))
    assert method.__doc__.startswith("Tell a user's devices that somebody shares a collection")

async def main():
    async with InMemoryPublisher() as publisher:
        await publisher.collection_shared(
            user_id="ada", collection_id="c", title="Ghent", photo_count=1, tags=["a"])
        print(publisher.events)

asyncio.run(main())
"""

SIGNATURE: Final = (
    "(self, *, user_id: 'str', collection_id: 'str', title: 'str', photo_count: 'int',"
    " tags: 'Sequence[str] | None' = None, idempotency_key: 'str | None' = None) -> 'str'"
)

# What a page writes; the last lines must not compile.
PAGE: Final = """
import type { CollectionShared } from '@kull/sync';
import { SyncClient } from '@kull/sync';
import { useWebSocket } from '@kull/sync-react';

export const client = new SyncClient({ url: 'wss://example.org/ws', token: () => 'token' });
client.on('COLLECTION_SHARED', ({ data }) => console.log(data.title.length, data.tags?.[0]));
export const collection: CollectionShared = { collectionId: 'c', title: 'Ghent', photoCount: 1 };

export function Component(): null {
  useWebSocket({ onCollectionShared: ({ photoCount }) => console.log(photoCount + 1) });
  return null;
}

// @ts-expect-error: there is no such field
client.on('COLLECTION_SHARED', ({ data }) => console.log(data.colour));
// @ts-expect-error: there is no such event
useWebSocket({ onCollectionHidden: () => {} });
"""


class Copy:
    """The code in a folder of its own, with one file changed by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in (*MEMBERS, "scripts", "docs/schema", WEB):
            shutil.copytree(ROOT / name, folder / name, ignore=NOT_COPIED)
        shutil.copy(ROOT / "pyproject.toml", folder)
        models = folder / MODELS
        source = models.read_text()
        assert source.count("\nEVENTS: Final = Catalogue(") == 1
        models.write_text(source.replace("\nEVENTS: Final = Catalogue(", MODEL))
        self.path = os.pathsep.join(str(folder / member) for member in MEMBERS)
        for script in ("scripts/gen_events.py", "scripts/gen_schema.py"):  # `make schema`
            self.python(script)

    def python(self, *arguments: str) -> str:
        ran = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": self.path},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def changed(self) -> set[str]:
        """What is different from the original."""
        return {
            name
            for file in self.folder.rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
            for name in [str(file.relative_to(self.folder))]
            if not (ROOT / name).exists() or not cmp(file, ROOT / name, shallow=False)
        }


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def up(copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("up"), PYTHONPATH=copy.path) as mesh:
        yield mesh


@pytest.fixture
def http(up: Up) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=up.http, timeout=WAIT) as client:
        yield client


def device_token(up: Up, user: str, device: str) -> str:
    keys = secrets.load(MeshSettings(home=up.home))
    return secrets.device_token(keys, user=user, device=device, ttl=3600)


class Device:
    """A device of a user that has been here before, so that it gets what it misses."""

    def __init__(self, up: Up, user: str) -> None:
        self._ws = up.ws
        self._token = device_token(up, user, "mac")

        async def attach() -> None:
            async with asyncio.timeout(WAIT), SyncClient(self._ws, self._token):
                pass

        asyncio.run(attach())

    def gets(self) -> Event:
        """Return the next event that is not about devices."""

        async def next_one() -> Event:
            async with asyncio.timeout(WAIT), SyncClient(self._ws, self._token) as client:
                async for event in client:
                    if not event.type.startswith("DEVICE_"):
                        return event
            raise AssertionError("the client has ended")

        return asyncio.run(next_one())


def bearer(up: Up, *scopes: str) -> dict[str, str]:
    key = secrets.load(MeshSettings(home=up.home)).service
    return {"Authorization": f"Bearer {service_token(key, scopes=scopes)}"}


def test_one_file_is_changed_by_hand_and_the_rest_is_generated(copy: Copy) -> None:
    assert copy.changed() == {MODELS, *GENERATED}


def test_http_takes_it_as_documented_and_a_device_gets_it(up: Up, http: httpx.Client) -> None:
    path = "/api/sync/collection-shared"
    document = http.get("/openapi.json").json()
    operation = document["paths"][path]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    [example] = content["examples"].values()
    device = Device(up, "user_123")

    answer = http.post(path, json=example["value"], headers=bearer(up, "collection:write"))

    assert answer.status_code == 202, answer.text
    assert "collection:write" in operation["description"]
    assert set(content["schema"]["required"]) == {"collectionId", "title", "photoCount"}
    event = device.gets()
    assert (event.type, event.id) == ("COLLECTION_SHARED", answer.json()["id"])
    assert event.data == {
        "collectionId": "collection_1",
        "title": "Wedding in Ghent",
        "photoCount": 12,
        "tags": ["wedding", "ghent"],
    }


def test_one_for_nobody_is_refused(up: Up, http: httpx.Client) -> None:
    answer = http.post(
        "/api/sync/collection-shared",
        json={"collectionId": "c", "title": "t", "photoCount": 1},
        headers=bearer(up, "collection:write"),
    )

    assert answer.status_code == 422
    assert "userId" in answer.json()["detail"]


def test_a_wrong_field_of_it_is_named(up: Up, http: httpx.Client) -> None:
    answer = http.post(
        "/api/sync/collection-shared",
        json={"userId": "ada", "collectionId": "c", "title": "t", "photoCount": -1},
        headers=bearer(up, "collection:write"),
    )

    assert answer.status_code == 422
    assert "collection shared: photoCount must be a whole number" in answer.json()["detail"]


def test_its_scope_opens_it_and_nothing_else_does(up: Up, http: httpx.Client) -> None:
    body = {"userId": "ada", "collectionId": "c", "title": "t", "photoCount": 1}
    key = up.kull("keys", "add", "gallery", "--scope", "collection:write").strip()
    with_key = {"Authorization": f"Bearer {key}"}
    url = "/api/sync/collection-shared"

    assert http.post(url, json=body, headers=bearer(up, "credit:write")).status_code == 403
    assert http.post(url, json=body, headers=with_key).status_code == 202
    other = http.post("/api/sync/prompt-change", json={}, headers=with_key)
    assert other.status_code == 403


SEND: Final = (
    *("send", "collection-shared", "--collection", "c", "--title", "Ghent"),
    *("--photo", "3", "--tags", "a", "--tags", "b"),
)
SENT: Final[dict[str, Any]] = {
    "collectionId": "c",
    "title": "Ghent",
    "photoCount": 3,
    "tags": ["a", "b"],
}


def test_kull_sends_it_and_shows_it(up: Up) -> None:
    device = Device(up, "bob")
    listener = up.listen(device_token(up, "bob", "tty"), "--count", "1")

    event_id = up.kull(*SEND, "--user", "bob", "--id", "once", "--url", up.http).strip()

    event = device.gets()
    shown, errors = listener.communicate(timeout=WAIT)
    assert event_id == event.id == "once"
    assert event.data == SENT
    assert json.loads(shown)["data"] == SENT, errors


@pytest.mark.rabbitmq
def test_rabbitmq_carries_it(copy: Copy, rabbitmq: Endpoint, tmp_path: Path) -> None:
    with ExitStack() as stack:
        amqp_url = stack.enter_context(rabbitmq.fresh_vhost())
        up = stack.enter_context(
            running(tmp_path, "--amqp-url", amqp_url, PYTHONPATH=copy.path, KULL_AMQP_URL=amqp_url)
        )
        device = Device(up, "eve")

        event_id = up.kull(*SEND, "--user", "eve").strip()

        event = device.gets()
    assert (event.id, event.data) == (event_id, SENT)


def test_an_account_of_a_producer_may_publish_it(copy: Copy) -> None:
    told = "from kull_mesh.definitions import ROLES; print(ROLES['producer']['write'])"

    assert re.fullmatch(copy.python("-c", told).strip(), "kull.collection")


def test_every_publisher_has_a_method_for_it(copy: Copy) -> None:
    *signatures, events = copy.python("-c", WORKER).splitlines()

    assert len(signatures) == 4
    assert set(signatures) == {SIGNATURE}
    assert "COLLECTION_SHARED" in events
    assert "user:ada" in events


def test_the_new_code_passes_the_type_checker(copy: Copy) -> None:
    worker = copy.folder / "worker.py"
    worker.write_text(
        "from kull_producers import SyncPublisher\n\n\n"
        "def share(publisher: SyncPublisher) -> str:\n"
        '    return publisher.collection_shared(user_id="u", collection_id="c", title="t",'
        ' photo_count=1, tags=["a"])\n'
    )
    files = ["producers/kull_producers/publishing/event_methods.py", MODELS, "worker.py"]

    told = copy.python("-m", "mypy", "--cache-dir", str(copy.folder / ".mypy_cache"), *files)
    worker.unlink()

    assert "no issues found" in told


def test_the_web_sdk_knows_its_type_and_its_callback(copy: Copy, web_packages: Outcome) -> None:
    modules = Path(web_packages.place)
    own = copy.folder / WEB / "node_modules"
    (own / "@kull").mkdir(parents=True)
    for each in modules.iterdir():
        if each.name != "@kull":
            (own / each.name).symlink_to(each)
    for name in ("sync", "sync-react"):
        (own / "@kull" / name).symlink_to(copy.folder / WEB / "packages" / name)
    page = copy.folder / WEB / "packages/sync-react/src/page.ts"
    page.write_text(PAGE)

    ran = subprocess.run(
        [modules / ".bin/tsc", "-p", "tsconfig.json"],
        cwd=copy.folder / WEB,
        capture_output=True,
        text=True,
        check=False,
    )
    page.unlink()
    shutil.rmtree(own)

    assert ran.returncode == 0, ran.stdout
