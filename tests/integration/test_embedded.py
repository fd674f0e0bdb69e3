"""`kull up` on its embedded default, used with the very commands of the README."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import aio_pika
import pytest
from websockets.sync.client import connect

from kull_producers.events import topology
from kull_protos.contract.shard import shard_of
from tests.support.http import ask
from tests.support.ports import free_port
from tests.support.processes import Processes
from tests.support.up import SECONDS, Up, running


def test_the_commands_of_the_readme_work_exactly_so(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        token = up.kull("token", "--user", "u", "--device", "d").strip()
        listener = up.listen(token, "--count", "1")

        event_id = up.credit("u", 500)

        output, errors = listener.communicate(timeout=SECONDS)
        assert listener.returncode == 0, errors
        (line,) = output.splitlines()
        event = json.loads(line)
        assert event["type"] == "CREDIT_UPDATE"
        assert event["id"] == event_id
        assert event["data"] == {
            "userId": "u",
            "newBalance": 500,
            "change": 100,
            "reason": "Credit purchase",
        }


def test_every_kind_of_event_can_be_sent(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        token = up.kull("token", "--user", "u", "--device", "d").strip()
        listener = up.listen(token, "--count", "3")
        up.kull(
            *shlex.split(
                "send shoot-progress --user u --shoot s --status processing --processed 15"
            ),
            *shlex.split("--total 100 --current-image IMG_0015.jpg --eta 120 --provider Replicate"),
            *("--url", up.http),
        )
        up.kull(
            *shlex.split(f"send prompt-change --prompt p --action voted --user u --url {up.http}")
        )
        up.kull(*shlex.split(f"send prompt-change --prompt q --action created --url {up.http}"))

        output, _ = listener.communicate(timeout=SECONDS)

    events = [json.loads(line) for line in output.splitlines()]
    assert events[0]["type"] == "SHOOT_PROGRESS"
    assert events[0]["data"] == {
        "shootId": "s",
        "status": "processing",
        "processedCount": 15,
        "totalCount": 100,
        "currentImage": "IMG_0015.jpg",
        "eta": 120,
        "provider": "Replicate",
    }
    assert sorted((e["data"]["promptId"], e.get("queue")) for e in events[1:]) == [
        ("p", None),
        ("q", "all"),
    ]


def test_an_idempotency_key_makes_a_repeat_harmless(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        token = up.kull("token", "--user", "u", "--device", "d").strip()
        listener = up.listen(token, "--count", "2")
        assert up.credit("u", 1, "--id", "order-1") == "order-1"
        up.credit("u", 1, "--id", "order-1")
        up.credit("u", 2)

        output, _ = listener.communicate(timeout=SECONDS)

    balances = [json.loads(line)["data"]["newBalance"] for line in output.splitlines()]
    assert balances == [1, 2]


def post(up: Up, service: str, route: str, key: str, body: dict[str, object]) -> int:
    """Call a trigger as a service; return the answer's status."""
    credential = up.kull("service-token", "--name", service).strip()
    request = urllib.request.Request(
        f"{up.http}/api/sync/{route}",
        json.dumps(body).encode(),
        {
            "Authorization": f"Bearer {credential}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        },
    )
    return ask(request, seconds=SECONDS).status


def test_a_services_key_neither_swallows_nor_blocks_the_event_of_another(tmp_path: Path) -> None:
    shoot = {"shootId": "s", "status": "queued", "processedCount": 0, "totalCount": 9}
    shoot |= {"userId": "u", "provider": "Local"}
    credit = {"userId": "u", "newBalance": 500, "change": 100, "reason": "Credit purchase"}
    with running(tmp_path) as up:
        token = up.kull("token", "--user", "u", "--device", "d").strip()
        listener = up.listen(token, "--count", "4")
        answers = [
            post(up, "shoots", "shoot-progress", "order-1", shoot),
            post(up, "billing", "credit-update", "order-1", credit),
            post(up, "billing", "credit-update", "order-1", credit),  # a repeat arrives once
            post(up, "shop", "credit-update", "order-1", credit | {"newBalance": 600}),
            post(up, "shop", "credit-update", "order-1", credit | {"newBalance": 700}),
            post(up, "shop", "credit-update", "order-2", credit | {"newBalance": 700}),
        ]
        output, errors = listener.communicate(timeout=SECONDS)

    assert answers == [202, 202, 202, 202, 409, 202], errors
    events = [json.loads(line) for line in output.splitlines()]
    assert [(each["type"], each["id"], each["data"].get("newBalance")) for each in events] == [
        ("SHOOT_PROGRESS", "order-1", None),
        ("CREDIT_UPDATE", "order-1", 500),
        ("CREDIT_UPDATE", "order-1", 600),
        ("CREDIT_UPDATE", "order-2", 700),
    ]


def test_what_was_sent_while_a_device_was_away_survives_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        token = up.kull("token", "--user", "u", "--device", "d").strip()
        listener = up.listen(token, "--count", "1")
        up.credit("u", 1)
        listener.communicate(timeout=SECONDS)
        up.credit("u", 2)
    with running(tmp_path, port=up.port) as up:
        up.credit("u", 3)
        listener = up.listen(token, "--count", "2")
        output, _ = listener.communicate(timeout=SECONDS)

    balances = [json.loads(line)["data"]["newBalance"] for line in output.splitlines()]
    assert balances == [2, 3]


def test_readiness_is_one_line_and_a_200_and_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    with Up(tmp_path, "--edges", "2") as up:
        line = up.ready_line()
        for path in ("/readyz", "/livez", "/api/sync/status"):
            assert ask(up.http + path).status == 200
        begin = time.monotonic()

        assert up.stop() == 0

    assert time.monotonic() - begin < 10
    assert f"ws://127.0.0.1:{up.port}/ws" in line
    assert f"ws://127.0.0.1:{up.port + 1}/ws" in line
    assert f"http://127.0.0.1:{up.port}" in line
    assert "Traceback" not in up.log.read_text()


def test_it_says_what_the_embedded_default_does_not_promise(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        assert "die with this process" in up.log.read_text()
        assert "plain_tokens_allowed" not in up.log.read_text()


def test_plain_tokens_are_off_unless_they_are_allowed_and_then_said_loudly(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as up, connect(f"{up.ws}?token=maya:mac") as socket:
        assert json.loads(socket.recv(SECONDS))["data"]["code"] == "bad_token"
    with running(tmp_path, KULL_ALLOW_PLAIN_TOKENS="1") as up:
        with connect(f"{up.ws}?token=maya:mac") as socket:
            assert json.loads(socket.recv(SECONDS))["type"] == "WELCOME"
        assert "plain_tokens_allowed" in up.log.read_text()


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        (tmp_path / "second").mkdir()
        with Up(tmp_path / "second", port=up.port) as second:
            assert second.process.wait(SECONDS) == 1
    last = second.log.read_text().splitlines()[-1]
    assert str(up.port) in last
    assert "in use" in last
    assert "Traceback" not in second.log.read_text()


def test_a_data_folder_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with running(tmp_path):
        with Up(tmp_path) as second:
            assert second.process.wait(SECONDS) == 1
    assert "Traceback" not in second.log.read_text()


@pytest.mark.parametrize(
    ("authorization", "status"), [(None, 401), ("Bearer x.y.z", 401), ("Basic abc", 401)]
)
def test_the_triggers_need_a_service_token(
    tmp_path: Path, authorization: str | None, status: int
) -> None:
    with running(tmp_path) as up:
        request = urllib.request.Request(
            f"{up.http}/api/sync/credit-update",
            data=b"{}",
            headers={"Authorization": authorization} if authorization else {},
        )
        answer = ask(request)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_sigterm_while_it_waits_for_rabbitmq_ends_it_in_order(tmp_path: Path) -> None:
    with Up(tmp_path, "--amqp-url", f"amqp://u:hunter2@127.0.0.1:{free_port()}/") as up:
        deadline = time.monotonic() + SECONDS
        while "waiting_for_rabbitmq" not in up.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)

        assert up.stop() == 0

    assert "router_stopped" in up.log.read_text()
    assert "hunter2" not in up.log.read_text()


def test_a_listener_outlives_a_restart_and_ends_in_one_line(
    tmp_path: Path, processes: Processes
) -> None:
    with running(tmp_path) as up:
        token = up.kull("token", "--user", "u", "--device", "d").strip()
        listener = up.listen(token, owner=processes)
    with running(tmp_path, port=up.port) as up:
        up.credit("u", 7)
        assert listener.stdout
        assert json.loads(listener.stdout.readline())["data"]["newBalance"] == 7
        listener.send_signal(signal.SIGINT)
        _, errors = listener.communicate(timeout=SECONDS)

    assert listener.returncode == 130
    assert "trying again in" in errors
    assert "Traceback" not in errors


def test_it_runs_on_a_real_rabbitmq(tmp_path: Path, amqp_url: str) -> None:
    with running(tmp_path, "--edges", "2", "--amqp-url", amqp_url) as up:
        assert "die with this process" not in up.log.read_text()
        token = up.kull("token", "--user", "u", "--device", "d").strip()
        listener = up.listen(token, "--count", "2")
        up.credit("u", 1)
        straight = up.kull(
            *shlex.split("send credit-update --user u --new-balance 2 --change 1 --reason x"),
            *("--amqp-url", amqp_url),
        ).strip()

        output, errors = listener.communicate(timeout=SECONDS)

    assert listener.returncode == 0, errors
    got = [json.loads(line) for line in output.splitlines()]
    assert [event["data"]["newBalance"] for event in got] == [1, 2]
    assert got[1]["id"] == straight


async def _delete(amqp_url: str, *, queue: str = "", exchange: str = "") -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        if queue:
            await channel.queue_delete(queue)
        if exchange:
            await channel.exchange_delete(exchange)


async def _buried(amqp_url: str) -> int:
    async with await aio_pika.connect(amqp_url) as connection:
        found = await (await connection.channel()).declare_queue(topology.DEAD, passive=True)
        return found.declaration_result.message_count or 0


def _sent(up: Up, user: str, balance: int) -> bool:
    try:
        up.credit(user, balance)
    except AssertionError as refused:
        assert "exchange" in str(refused) or "503" in str(refused)
        return False
    return True


def test_what_is_confirmed_while_its_queue_or_exchange_is_deleted_arrives(
    tmp_path: Path, amqp_url: str
) -> None:
    with running(tmp_path, "--amqp-url", amqp_url) as up:
        token = up.kull("token", "--user", "u", "--device", "d").strip()
        listener = up.listen(token, "--count", "4")
        up.credit("u", 1)
        asyncio.run(_delete(amqp_url, queue=topology.shard_queue(shard_of("user:u", 16))))
        up.credit("u", 2)
        up.credit("u", 3)
        asyncio.run(_delete(amqp_url, exchange=topology.CREDIT))
        deadline = time.monotonic() + SECONDS
        while not _sent(up, "u", 4):  # refused until the router has noticed
            assert time.monotonic() < deadline
        output, errors = listener.communicate(timeout=SECONDS)
        assert asyncio.run(_buried(amqp_url)) == 0

    assert listener.returncode == 0, errors
    got = [json.loads(line)["data"]["newBalance"] for line in output.splitlines()]
    assert sorted(got) == [1, 2, 3, 4]
