"""The command line: what it prints, and that every error is one clear line."""

from __future__ import annotations

import pytest

from kull_mesh import durations
from kull_mesh.errors import MeshError
from tests.unit.mesh.conftest import Kull

COMMANDS = [
    "up",
    "demo",
    "router",
    "edge",
    "gateway",
    "console",
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


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["keys", "add", "billing", "--scope", "all"], "the scopes are shoot:write"),
        (["keys", "revoke", "0123"], "holds no key '0123'"),
        (["service-token", "--scope", "everything"], "there is no scope 'everything'"),
        (["token", "--user", ""], "an id cannot be empty"),
        (["token", "--user", "u" * 200], "at most 100"),
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
