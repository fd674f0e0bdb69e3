"""`kull why` over a failover, beside a `kull up`, and without an answer."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from kull_producers import connect
from kull_protos.contract.addresses import of_user
from tests.support.command import Kull
from tests.support.device import device, token
from tests.support.mesh import Mesh
from tests.support.ports import free_port
from tests.support.up import running
from tests.support.why import PATIENCE, Told, Why, credit, take

MAYA = "maya"


@pytest.mark.rabbitmq
@pytest.mark.postgres
async def test_what_the_store_knows_remains_and_the_router_that_is_down_is_a_line(
    amqp_url: str, database_url: str, tmp_path: Path, kull: Kull
) -> None:
    with Mesh(amqp_url, tmp_path, routers=2, database_url=database_url) as pair:
        pair.start()
        why = Why(kull, pair.grpc)
        active = await pair.active_router()
        async with (
            connect(pair.amqp_url) as publisher,
            device(pair.url(0), token(MAYA, "mac")) as mac,
        ):
            event = await credit(publisher, MAYA, 1)
            await take(mac)
            before = await why.until(
                lambda told: told.devices.get("mac", ("",))[0] == "acknowledged", event
            )
            assert f"by router-{active}, term " in before.text
            assert before.caveats == []

            pair.routers[active].send(signal.SIGKILL)
            assert await pair.active_router() == 1 - active
            newer = await credit(publisher, MAYA, 2)
            await take(mac)
            after = why(event)
            told = await why.until(lambda told: told.devices["mac"][0] == "acknowledged", newer)

    assert after.verdict == "stored"
    assert f"as seq {_seq(before)} of {of_user(MAYA)}" in after.text
    assert f"by whom is not remembered (router-{1 - active} owns its shard since" in after.text
    assert after.devices["mac"][0] == "acknowledged"
    assert "reached edge-0" in after.text, "edges remember"
    target = pair.grpc.split(",")[active]
    assert after.caveats[0].startswith(f"router {target} does not answer: ")
    assert f"by router-{1 - active}, term " in told.text


def _seq(told: Told) -> str:
    return told.text.partition("as seq ")[2].partition(" ")[0]


def test_kull_up_is_asked_without_naming_a_router(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        listener = up.listen(up.kull("token", "--user", "u", "--device", "d").strip())
        event = up.credit("u", 500)
        assert listener.stdout is not None
        assert json.loads(listener.stdout.readline())["id"] == event

        deadline = time.monotonic() + PATIENCE
        while "\n  d: acknowledged by " not in (printed := up.kull("why", event)):
            assert time.monotonic() < deadline, printed

        assert f"CREDIT_UPDATE {event} of kull-send" in printed
        assert "stored as seq 2 of user:u by router-" in printed
        assert "d: connected to edge-1, live" in up.kull("why", "--user", "u", "--device", "d")


def test_what_is_asked_must_be_said(kull: Kull) -> None:
    ran = kull("why", "--user", "maya")

    assert ran.code == 1
    assert "kull why EVENT_ID, or kull why --user USER --device DEVICE" in ran.err


def test_without_any_router_there_is_an_error_and_no_story(kull: Kull) -> None:
    ran = kull("why", "e-1", "--routers", f"127.0.0.1:{free_port()}")

    assert ran.code == 1
    assert "does not answer" in ran.err
    assert ran.out == ""
