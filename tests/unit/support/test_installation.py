"""KULL_TEST_RABBITMQ may name a script, a folder that has it, or another system's root folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.rabbitmq import installation


def script(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize("given", ["sbin/rabbitmq-server", "sbin", ""])
def test_an_unpacked_archive_is_named_by_its_folder_or_its_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    server = script(tmp_path / "sbin" / "rabbitmq-server")
    monkeypatch.setenv("KULL_TEST_RABBITMQ", str(tmp_path / given))

    found = installation.find()

    assert found == installation.Installation(server)
    assert found.command("rabbitmqctl", "version") == [
        str(server.parent / "rabbitmqctl"),
        "version",
    ]


def test_a_whole_system_is_entered_and_its_wrappers_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "sbin" / "rabbitmq-server")
    server = script(tmp_path / "usr" / "lib" / "rabbitmq" / "bin" / "rabbitmq-server")
    monkeypatch.setenv("KULL_TEST_RABBITMQ", str(tmp_path))

    found = installation.find()

    assert found == installation.Installation(server, root=tmp_path)
    *enter, inside, argument = found.command("rabbitmqctl", "version")
    assert enter[:2] == ["unshare", "--mount"]
    assert str(tmp_path) in enter
    assert (inside, argument) == ("/usr/lib/rabbitmq/bin/rabbitmqctl", "version")


def test_a_name_that_leads_nowhere_is_not_replaced_by_the_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULL_TEST_RABBITMQ", str(tmp_path))

    with pytest.raises(ValueError, match="KULL_TEST_RABBITMQ="):
        installation.find()


def test_the_version_stands_in_the_name_of_the_folder(tmp_path: Path) -> None:
    real = script(tmp_path / "lib" / "rabbitmq_server-4.0.5" / "sbin" / "rabbitmq-server")
    link = tmp_path / "bin" / "rabbitmq-server"
    link.parent.mkdir()
    link.symlink_to(real)

    assert installation.Installation(link).version() == "4.0.5"


def test_the_version_is_asked_for_where_no_folder_tells_it(tmp_path: Path) -> None:
    server = script(tmp_path / "rabbitmq-server")
    ctl = tmp_path / "rabbitmqctl"
    ctl.write_text("#!/bin/sh\necho 4.1.2\n")
    ctl.chmod(0o700)

    assert installation.Installation(server).version() == "4.1.2"


def test_entering_a_system_leaves_no_mount_behind() -> None:
    if shutil.which("unshare") is None:
        pytest.skip("only Linux has mount namespaces")
    before = Path("/proc/self/mounts").read_text()
    command = installation.Installation(Path("/bin/true"), root=Path("/")).command("true")
    entered = subprocess.run(command, capture_output=True, text=True, check=False)
    if "not permitted" in entered.stderr or "ermission denied" in entered.stderr:
        pytest.skip("this kernel lets only root mount")

    assert entered.returncode == 0, entered.stderr
    assert Path("/proc/self/mounts").read_text() == before
