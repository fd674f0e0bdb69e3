"""Centrifugo as a rival: found where it is named, set up to keep what a device missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.plans import CENTRIFUGO, tiny
from bench.rivals import centrifugo
from bench.rivals.centrifugo import VARIABLE, Centrifugo
from bench.versions import of_centrifugo


def test_without_a_name_there_is_none_and_it_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)

    assert centrifugo.binary() is None
    assert not [entry for entry in tiny()[0].entries if "Centrifugo" in entry.build().name]
    with pytest.raises(FileNotFoundError, match=VARIABLE):
        Centrifugo().start()


def test_a_name_of_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))

    with pytest.raises(FileNotFoundError, match="none is no file"):
        centrifugo.binary()


def test_where_it_is_named_the_smallest_plan_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "centrifugo"
    program.touch()
    monkeypatch.setenv(VARIABLE, str(program))

    names = [entry.build().name for entry in tiny()[0].entries]

    assert "Centrifugo (memory, one by one)" in names
    assert "Centrifugo (memory, batches)" in names


def test_the_goal_is_about_the_one_with_redis_that_is_told_one_by_one() -> None:
    assert Centrifugo(on_redis=True).name == CENTRIFUGO
    assert Centrifugo(on_redis=True, batches=True).name != CENTRIFUGO


@pytest.mark.parametrize(("redis_port", "engine"), [(0, "memory"), (6380, "redis")])
def test_both_engines_keep_a_history_and_recover_from_it(redis_port: int, engine: str) -> None:
    settings = centrifugo.configuration(8000, redis_port)

    assert settings["engine"]["type"] == engine
    for namespace in settings["channel"]["namespaces"]:
        assert namespace["force_recovery"] and namespace["force_positioning"]
        assert namespace["history_size"] > 20  # a mass reconnect's backlog
    users = next(each for each in settings["channel"]["namespaces"] if each["name"] == "user")
    assert "allow_subscribe_for_client" not in users  # a user's channel is nobody else's


def test_the_version_of_a_program_that_go_install_has_built_is_read_from_it(tmp_path: Path) -> None:
    program = tmp_path / "centrifugo"
    program.write_bytes(b"\0\xffmod\tgithub.com/centrifugal/centrifugo/v6\tv6.9.1\th1:abc=\n\0")

    assert of_centrifugo(program) == "6.9.1"


def test_a_release_says_its_version_itself(tmp_path: Path) -> None:
    program = tmp_path / "centrifugo"
    program.write_text("#!/bin/sh\necho Centrifugo v6.1.2 '(Go version: go1.26.8)'\n")
    program.chmod(0o755)

    assert of_centrifugo(program) == "6.1.2"
