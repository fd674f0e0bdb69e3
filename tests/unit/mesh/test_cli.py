"""The command line: what it prints, and that every error is one clear line."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import jwt
import pytest

import kull_producers
from kull_gateway import key_auth, service_auth
from kull_gateway.auth import Forbidden, Unauthorized
from kull_mesh import durations, secrets
from kull_mesh.commands import send
from kull_mesh.errors import MeshError
from kull_mesh.settings import MeshSettings
from tests.support.ports import free_port
from tests.unit.mesh.conftest import Kull

COMMANDS = [
    "up",
    "demo",
    "router",
    "edge",
    "gateway",
    "token",
    "service-token",
    "keys",
    "listen",
    "send",
    "config",
    "version",
]
CREDIT = ["send", "credit-update", "--user", "u", "--change", "1", "--reason", "r"]
SHOOT = ["send", "shoot-progress", "--user", "u", "--shoot", "s", "--provider", "p"]


def test_version(kull: Kull) -> None:
    assert kull("version").out == "0.1.0\n"


def test_the_help_names_every_command(kull: Kull) -> None:
    shown = kull("--help").out

    assert [name for name in COMMANDS if f" {name} " not in shown] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(kull: Kull, command: str) -> None:
    ran = kull(command, "--help")

    assert ran.code == 0
    assert f"Usage: kull {command}" in ran.out


def test_token_prints_only_the_token(kull: Kull, home: Path) -> None:
    ran = kull("token", "--user", "maya", "--device", "mac", "--ttl", "15m", "--name", "Mac")

    claims = jwt.decode(ran.out.strip(), secrets.load(MeshSettings()).device, ["HS256"])
    assert ran.err == ""
    assert claims["exp"] - claims["iat"] == 900
    assert (claims["sub"], claims["device"], claims["name"]) == ("maya", "mac", "Mac")
    assert "platform" not in claims


def test_a_service_token_opens_only_what_its_scopes_name(kull: Kull, home: Path) -> None:
    ran = kull("service-token", "--name", "billing", "--scope", "credit:write")

    authorize = service_auth(secrets.load(MeshSettings()).service)
    assert authorize(f"Bearer {ran.out.strip()}", "credit:write").service == "billing"
    with pytest.raises(Forbidden):
        authorize(f"Bearer {ran.out.strip()}", "shoot:write")


def test_a_service_key_is_shown_once_listed_and_revoked(kull: Kull, home: Path) -> None:
    key = kull("keys", "add", "billing", "--scope", "credit:write").out.strip()
    authorize = key_auth(MeshSettings().keys_file)
    assert authorize(f"Bearer {key}", "credit:write").service == "billing"

    shown = kull("keys", "list").out
    assert "billing" in shown
    assert key not in shown
    key_id = key.split("_")[1]
    assert key_id in shown

    assert kull("keys", "revoke", key_id).out == f"{key_id} of billing is revoked\n"
    with pytest.raises(Unauthorized):
        key_auth(MeshSettings().keys_file)(f"Bearer {key}", "credit:write")


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["keys", "add", "billing", "--scope", "all"], "the scopes are shoot:write"),
        (["keys", "revoke", "0123"], "holds no key '0123'"),
        (["service-token", "--scope", "everything"], "there is no scope 'everything'"),
        (["token", "--user", ""], "an id cannot be empty"),
        (["token", "--user", "u" * 200], "at most 128"),
        (["token", "--user", "u", "--device", "d" * 101], "at most 100 characters"),
        (["token", "--user", "u", "--ttl", "soon"], "30s, 15m, 1h or 7d"),
        ([*CREDIT, "--new-balance", "nan"], "newBalance must be a finite number"),
        ([*SHOOT, "--status", "paused", "--processed", "1", "--total", "2"], "status must be"),
        (
            [*SHOOT, "--status", "queued", "--processed", "3", "--total", "2"],
            "processedCount must be at most totalCount (2), not 3",
        ),
        (["send", "prompt-change", "--prompt", "p", "--action", "burnt"], "action must be"),
        ([*CREDIT, "--new-balance", "1", "--url", "nonsense"], "Is `kull up` running?"),
        ([*CREDIT, "--new-balance", "1", "--amqp-url", "http://x"], "the AMQP URL is malformed"),
        (["listen", "--token", "t", "--url", "http://x"], "is not a ws:// or wss:// URL"),
        (["router"], "set KULL_AMQP_URL"),
        (["gateway"], "KULL_AMQP_URL: Field required"),
    ],
)
def test_every_error_is_one_clear_line(kull: Kull, args: list[str], why: str) -> None:
    ran = kull(*args)

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("kull: ")
    assert ran.err.count("\n") == 1
    assert why in ran.err


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


@pytest.mark.parametrize(
    ("variable", "value", "command"),
    [
        ("KULL_LOG_LEVEL", "loud", "version"),
        ("KULL_GRPC_PORT", "x", "router"),
        ("KULL_EDGE_PORT", "99999", "edge"),
        ("KULL_ALLOW_PLAIN_TOKENS", "perhaps", "edge"),
    ],
)
def test_a_wrong_setting_is_told_by_its_variable(
    kull: Kull, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, command: str
) -> None:
    monkeypatch.setenv(variable, value)

    ran = kull(command)

    assert ran.code == 1
    assert ran.err.startswith(f"kull: wrong settings: {variable}: Input should be ")
    assert ran.err.count("\n") == 1


def test_config_masks_secrets_and_shows_what_is_set(
    kull: Kull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULL_TOKEN_SECRET", "s3cret" * 8)
    monkeypatch.setenv("KULL_AMQP_URL", "amqp://maya:hunter2@rabbit/")
    monkeypatch.setenv("KULL_EDGE_KEEPALIVE", "12.5")

    ran = kull("config", "--json")
    settings = {each["name"]: each for each in json.loads(ran.out)}

    assert "s3cret" not in ran.out
    assert "hunter2" not in ran.out
    assert settings["KULL_TOKEN_SECRET"] | {"description": ""} == {
        "role": "kull",
        "name": "KULL_TOKEN_SECRET",
        "value": "********",
        "set": True,
        "description": "",
    }
    assert settings["KULL_EDGE_KEEPALIVE"]["value"] == "12.5"
    assert settings["KULL_EDGE_KEEPALIVE"]["set"] is True
    assert settings["KULL_EDGE_PORT"]["set"] is False
    assert all(each["description"] for each in settings.values())


def test_config_reads_well_in_a_pipe_and_hides_the_same(
    kull: Kull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULL_AMQP_URL", "amqp://maya:hunter2@rabbit/")

    shown = kull("config").out

    assert "hunter2" not in shown
    assert "KULL_KEEP_ENTRIES_FOR" in shown
    assert "\x1b[" not in shown


def test_a_fault_of_ours_is_one_line_and_says_how_to_see_more(
    kull: Kull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durations, "seconds", lambda _: 1 / 0)

    ran = kull("token", "--user", "u")

    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert "fault of kull itself: ZeroDivisionError" in ran.err
    assert "KULL_DEBUG=1" in ran.err


def test_debug_shows_where(kull: Kull, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULL_DEBUG", "1")

    with pytest.raises(MeshError, match="no duration"):
        kull("token", "--user", "u", "--ttl", "x")
