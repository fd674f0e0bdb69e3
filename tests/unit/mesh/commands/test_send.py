from __future__ import annotations

from functools import partial

import pytest

import kull_producers
from kull_mesh.commands import send
from tests.support.ports import free_port
from tests.unit.mesh.conftest import Kull

CREDIT = ["send", "credit-update", "--user", "u", "--change", "1", "--reason", "r"]


def test_a_server_that_is_not_there_is_told(kull: Kull) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    ran = kull(*CREDIT, "--new-balance", "1", "--url", url)

    assert ran.err.startswith(f"kull: cannot reach {url}: ")


def test_the_password_of_a_rabbitmq_that_is_not_there_is_not_shown(
    kull: Kull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "connect", partial(kull_producers.connect, timeout=0.2))
    port = free_port()

    ran = kull(*CREDIT, "--new-balance", "1", "--amqp-url", f"amqp://u:hunter2@127.0.0.1:{port}/")

    assert ran.code == 1
    assert f"127.0.0.1:{port}" in ran.err.splitlines()[-1]
    assert "hunter2" not in ran.err


def test_who_names_nobody_is_asked_whom_it_is_for(kull: Kull) -> None:
    ran = kull(
        *("send", "shoot-progress", "--shoot", "s", "--status", "queued"),
        *("--processed", "0", "--total", "1", "--provider", "p"),
    )

    assert ran.code == 1
    assert "whom is it for? Say --user or --room" in ran.err


def test_what_is_for_its_own_user_alone_takes_no_room(kull: Kull) -> None:
    ran = kull(*CREDIT, "--new-balance", "1", "--room", "a")

    assert ran.code == 2
    assert "--room" in ran.err
