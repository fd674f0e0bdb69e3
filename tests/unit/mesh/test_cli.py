"""The command line reads well, and says what is wrong in one line."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kull_mesh.cli import app

COMMANDS = ["up", "demo", "router", "edge", "gateway", "token", "listen", "send", "config"]


def kull(*arguments: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kull_mesh", *arguments],
        env={"KULL_HOME": str(home), "PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_help_names_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])

    assert result.exit_code == 0
    assert all(command in result.output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])

    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_a_token_is_all_that_is_printed(tmp_path: Path) -> None:
    result = kull("token", "--user", "u", "--device", "d", home=tmp_path)

    assert result.returncode == 0
    assert result.stdout.count(".") == 2
    assert len(result.stdout.split()) == 1


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["token", "--user", "u", "--ttl", "soon"], "no duration"),
        (["router"], "KULL_AMQP_URL"),
        (["gateway"], "service_secret"),
        (
            shlex.split(
                "send credit-update --user u --new-balance 1 --change 1 --reason x "
                "--url http://127.0.0.1:1"
            ),
            "cannot reach http://127.0.0.1:1",
        ),
        (
            shlex.split(
                "send credit-update --user u --new-balance 1 --change 1 --reason x "
                "--amqp-url amqp://u:secret@127.0.0.1:1/"
            ),
            "127.0.0.1:1",
        ),
        (
            shlex.split(
                "send shoot-progress --user u --shoot s --status paused --processed 1 --total 2 "
                "--provider p"
            ),
            "status",
        ),
        (["send", "prompt-change", "--prompt", "p", "--action", "liked"], "action"),
        (["listen", "--url", "nonsense", "--token", "t"], "nonsense"),
    ],
)
def test_errors_are_one_clear_line(tmp_path: Path, arguments: list[str], what: str) -> None:
    result = kull(*arguments, home=tmp_path)

    assert result.returncode == 1
    assert what in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert "secret@" not in result.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    result = kull("router", home=tmp_path, KULL_SHARD_COUNT="many")

    assert result.returncode == 1
    assert "shard_count" in result.stderr.splitlines()[-1]


def test_config_tells_every_setting_and_no_secret(tmp_path: Path) -> None:
    secret = "a-secret-of-at-least-thirty-two-bytes"
    result = kull(
        "config", "--json", home=tmp_path, KULL_TOKEN_SECRET=secret, KULL_EDGE_KEEPALIVE="12"
    )

    assert result.returncode == 0
    assert secret not in result.stdout
    settings = {each["name"]: each for each in json.loads(result.stdout)}
    assert settings["KULL_TOKEN_SECRET"]["value"] == "********"
    assert settings["KULL_EDGE_KEEPALIVE"]["value"] == "12.0"
    assert settings["KULL_EDGE_KEEPALIVE"]["set"]
    assert all(each["description"] for each in settings.values())
    assert {"KULL_AMQP_URL", "KULL_ALLOW_PLAIN_TOKENS", "KULL_GATEWAY_PORT"} <= settings.keys()


def test_config_reads_well_in_a_pipe(tmp_path: Path) -> None:
    result = kull("config", home=tmp_path, COLUMNS="120")

    assert result.returncode == 0
    assert "KULL_KEEP_ENTRIES_FOR" in result.stdout
    assert "\x1b[" not in result.stdout
