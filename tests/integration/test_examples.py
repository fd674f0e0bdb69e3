"""The examples and the demo really run, as processes, on the embedded default."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kull_gateway import service_token
from kull_mesh import secrets
from kull_mesh.settings import MeshSettings
from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from tests.support.audit import audit, deploy
from tests.support.http import ask
from tests.support.processes import Processes
from tests.support.up import Up, running

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 60


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("up")) as started:
        yield started


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    subprocess.run(
        [sys.executable, EXAMPLES / "make_photos.py", folder], check=True, timeout=SECONDS
    )
    return folder


def example(
    up: Up, program: str, *arguments: str, text: str = ""
) -> subprocess.CompletedProcess[str]:
    keys = secrets.load(MeshSettings(home=up.home))
    return subprocess.run(
        [sys.executable, EXAMPLES / program, *arguments, "--url", up.http],
        env={**os.environ, "KULL_SERVICE_TOKEN": service_token(keys.service)},
        input=text,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def seen_by(up: Up, user: str, count: int) -> list[dict[str, object]]:
    """Return what a device that comes now gets."""
    token = up.kull("token", "--user", user, "--device", "mac").strip()
    output = up.kull("listen", "--url", up.ws, "--token", token, "--json", "--count", str(count))
    return [json.loads(line) for line in output.splitlines()]


def known(up: Up, user: str) -> None:
    """Make a device known, so that it gets what is sent while it is away."""
    example(
        up,
        "billing_service.py",
        "purchase",
        user,
        "1",
        "--id",
        f"first-{user}",
        "--ledger",
        str(up.home / f"{user}.db"),
    )
    token = up.kull("token", "--user", user, "--device", "mac").strip()
    listener = up.listen(token, "--count", "1")
    example(
        up,
        "billing_service.py",
        "purchase",
        user,
        "1",
        "--id",
        f"second-{user}",
        "--ledger",
        str(up.home / f"{user}.db"),
    )
    listener.communicate(timeout=SECONDS)


def test_the_worker_looks_at_every_photograph_and_skips_a_broken_one(up: Up, photos: Path) -> None:
    known(up, "maya")

    worker = example(up, "processing_worker.py", str(photos), "--user", "maya", "--shoot", "s1")

    assert worker.returncode == 0, worker.stderr
    verdicts = [json.loads(line)["verdict"] for line in worker.stdout.splitlines()]
    assert len(verdicts) == 12
    assert verdicts.count("broken") == 1
    assert verdicts.count("keep") == 7
    assert "skipped" in worker.stderr
    (event,) = seen_by(up, "maya", 1)
    assert event["type"] == "SHOOT_PROGRESS"
    assert event["data"] == {
        "shootId": "s1",
        "status": "completed",
        "processedCount": 12,
        "totalCount": 12,
        "provider": "Local",
        "errorMessage": event["data"]["errorMessage"],  # type: ignore[index]
    }


@pytest.mark.parametrize("kind", ["empty", "missing", "nothing decodable"])
def test_a_shoot_that_cannot_be_processed_fails_with_its_reason(
    up: Up, tmp_path: Path, kind: str
) -> None:
    user = f"fails-{kind.replace(' ', '-')}"
    known(up, user)
    folder = tmp_path / "shoot"
    if kind != "missing":
        folder.mkdir()
    if kind == "nothing decodable":
        (folder / "a.jpg").write_bytes(b"no picture at all")

    worker = example(up, "processing_worker.py", str(folder), "--user", user, "--shoot", "s2")

    assert worker.returncode == 1
    (event,) = seen_by(up, user, 1)
    data = event["data"]
    assert isinstance(data, dict)
    assert data["status"] == "failed"
    assert data["errorMessage"]


def test_the_billing_service_books_and_tells_once_per_id(up: Up, tmp_path: Path) -> None:
    known(up, "otto")
    ledger = ("--ledger", str(up.home / "otto.db"))
    for _ in range(2):
        bought = example(up, "billing_service.py", "purchase", "otto", "5", "--id", "o-1", *ledger)
        assert bought.returncode == 0, bought.stderr
    charged = example(up, "billing_service.py", "charge", "otto", "3", "--id", "o-2", *ledger)
    refused = example(up, "billing_service.py", "charge", "otto", "99", "--id", "o-3", *ledger)

    assert charged.returncode == 0
    assert refused.returncode == 1
    balances = [event["data"]["newBalance"] for event in seen_by(up, "otto", 2)]  # type: ignore[index]
    assert balances == [7, 4]


def billing(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / "billing_service.py", *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


async def test_the_billing_service_keeps_events_in_its_outbox_while_rabbitmq_is_away(
    amqp_url: str, tmp_path: Path
) -> None:
    files = ("--ledger", tmp_path / "ledger.db", "--outbox", tmp_path / "outbox.db")
    nowhere = ("--amqp-url", "amqp://guest:guest@127.0.0.1:1/")
    await deploy(amqp_url, DEFAULT_SHARD_COUNT)

    away = await asyncio.to_thread(billing, "purchase", "ada", "5", "--id", "a-1", *files, *nowhere)
    assert away.returncode == 0, away.stderr
    assert "ada +5 = 5" in away.stdout
    assert "1 events stay in the outbox" in away.stderr
    back = await asyncio.to_thread(
        billing, "charge", "ada", "2", "--id", "a-2", *files, "--amqp-url", amqp_url
    )
    assert back.returncode == 0, back.stderr

    assert await audit(amqp_url) == {"user:ada": ["a-1", "a-2"]}


def test_an_outbox_with_the_http_triggers_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    files = ("--ledger", tmp_path / "ledger.db", "--outbox", tmp_path / "outbox.db")

    refused = billing("purchase", "ada", "5", "--id", "a-1", *files, "--url", "http://127.0.0.1:1")

    assert refused.returncode == 1
    assert "say --amqp-url" in refused.stderr


def demo(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kull_mesh", "demo", "--fast", "--port", "0", *options],
        env={**os.environ, "KULL_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_demo_shows_that_one_user_sees_everything_and_the_other_nothing(
    tmp_path: Path,
) -> None:
    ran = demo(tmp_path)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Maya's devices agree, and Otto saw nothing of hers" in ran.stdout
    of_otto = [line for line in ran.stdout.splitlines() if line.startswith("Otto's Mac ")]
    assert not [line for line in of_otto if "shoot" in line]
    assert "is in a tunnel" in ran.stdout


def test_the_demo_takes_photographs_of_yours(tmp_path: Path, photos: Path) -> None:
    ran = demo(tmp_path, "--photos", str(photos))

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "looks at 12 photographs" in ran.stdout


def test_the_demo_names_a_folder_that_is_not_there(tmp_path: Path) -> None:
    ran = demo(tmp_path, "--photos", str(tmp_path / "nowhere"))

    assert ran.returncode == 1
    assert f"there is no folder {tmp_path / 'nowhere'}" in ran.stderr


@pytest.mark.usefixtures("demo_page")
def test_the_page_of_the_demo_stays_on_a_terminal_until_ctrl_c(
    tmp_path: Path, processes: Processes
) -> None:
    ours, theirs = pty.openpty()
    running = processes.python(
        *("-m", "kull_mesh", "demo", "--fast", "--port", "0", "--no-browser"),
        env={"KULL_HOME": str(tmp_path), "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        shown = ""
        while not (found := re.search(r"until you press Ctrl\+C: (http://\S+)", shown)):
            shown += os.read(ours, 65536).decode()
        assert b'<div id="root">' in ask(found[1]).body
        running.send_signal(signal.SIGINT)
        assert running.wait(SECONDS) == 0
    finally:
        os.close(ours)
