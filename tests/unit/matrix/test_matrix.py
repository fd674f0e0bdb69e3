"""The matrix runs what it names, and counts no run that was none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.matrix import pythons, rabbitmqs, suites
from tests.matrix.suites import Result

REPORT = """<?xml version="1.0"?><testsuites><testsuite tests="9" failures="1" errors="1"
skipped="2" time="3.5"/></testsuites>"""


def fake_python(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o700)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/bin{os.pathsep}/usr/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def test_a_shim_that_runs_nothing_gives_way_to_the_python_behind_it(home: Path) -> None:
    shim = fake_python(home / "bin" / "python3.98", "")
    shim.write_text("#!/bin/sh\nexit 127\n")
    real = fake_python(home / "pyenv" / "versions" / "3.98.1" / "bin" / "python3.98", "3.98.1")

    assert pythons.find("3.98") == pythons.Python(real, "3.98.1")


def test_a_python_of_another_version_is_not_taken(home: Path) -> None:
    fake_python(home / "bin" / "python3.98", "3.97.0")

    with pytest.raises(pythons.NoPython, match=r"no Python 3\.98"):
        pythons.find("3.98")


def test_a_python_is_found_where_uv_keeps_it(home: Path) -> None:
    folder = home / "data" / "uv" / "python" / "cpython-3.98.2-linux-x86_64-gnu"
    real = fake_python(folder / "bin" / "python3.98", "3.98.2")

    assert pythons.find("3.98.2").path == real


def test_a_python_may_be_named_by_its_path() -> None:
    found = pythons.find(sys.executable)

    assert found.version == ".".join(map(str, sys.version_info[:3]))


def test_systems_and_archives_with_rabbitmq_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.rabbitmq.installation.installed", lambda: None)
    system = tmp_path / "var" / "lib" / "machines" / "trixie"
    for script in (
        system / "usr" / "lib" / "rabbitmq" / "bin" / "rabbitmq-server",
        tmp_path / "opt" / "rabbitmq_server-4.1.0" / "sbin" / "rabbitmq-server",
    ):
        script.parent.mkdir(parents=True)
        script.touch()
    (system.parent / "other").mkdir()

    assert list(rabbitmqs.known(tmp_path)) == [
        str(system),
        str(tmp_path / "opt" / "rabbitmq_server-4.1.0"),
    ]
    with pytest.raises(ValueError, match="no RabbitMQ is installed"):
        rabbitmqs.find("installed")


def test_tests_run_on_the_server_of_the_combination_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULL_TEST_AMQP_URL", "amqp://elsewhere")
    monkeypatch.setenv("KULL_TEST_RABBITMQ_API", "http://elsewhere")

    environment = rabbitmqs.environment(rabbitmqs.Server("/opt/four", "4.0.5"))

    assert environment["KULL_TEST_RABBITMQ"] == "/opt/four"
    assert "elsewhere" not in "".join(environment.values())


def test_a_report_is_counted(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(REPORT)

    result = suites.read(tmp_path / "r.xml", ended=True)

    assert result == Result(passed=5, failed=2, skipped=2, seconds=3.5)
    assert not result.good
    assert str(result) == "5 passed, 2 failed, 2 skipped"


def test_a_run_that_broke_off_or_found_no_test_has_not_passed(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(REPORT.replace('"9"', '"0"').replace('"1"', '"0"'))

    assert not suites.read(tmp_path / "missing.xml", ended=True).good
    assert not suites.read(tmp_path / "r.xml", ended=True).good
    assert not suites.read(tmp_path / "r.xml", ended=False).good
