"""What tests need is found or installed once, before the first of them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.machine import Outcome, Register, State, table
from tests.support.machine.apt import CannotInstall
from tests.support.machine.programs import Program, at_least, number
from tests.support.machine.things import THINGS, Thing
from tests.unit.support.conftest import SmallRun

pytestmark = pytest.mark.timeout(120)  # runs within a run

# apt-get as tests may have it: it "installs" a program that says its version, and notes each call.
APT_GET = """#!/bin/sh
echo "$@" >> "{folder}/apt.log"
case "$*" in *install*)
    printf '#!/bin/sh\\necho Redis server v=9.8.7\\n' > "{bin}/redis-server"
    chmod +x "{bin}/redis-server";;
esac
"""
CONFTEST = """
from tests.support.machine import apt
pytest_plugins = ["tests.support.plugins.things"]
apt.os.geteuid = lambda: 0
"""
TESTS = """
import pytest

@pytest.mark.parametrize("number", range(8))
def test_asks(redis_server, number):
    assert redis_server.version == "9.8.7"

def test_asks_for_nothing():
    pass
"""


@pytest.fixture
def bare_machine(tmp_path: Path) -> dict[str, str]:
    """A PATH with nothing on it but a shell's tools and an apt-get of ours."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for tool in ("sh", "chmod", "echo", "printf"):
        source = next(p for f in ("/bin", "/usr/bin") if (p := Path(f, tool)).exists())
        (bin_ / tool).symlink_to(source)
    (bin_ / "apt-get").write_text(APT_GET.format(folder=tmp_path, bin=bin_))
    (bin_ / "apt-get").chmod(0o755)
    return {"PATH": str(bin_)}


@pytest.mark.parametrize("workers", ["0", "3"])
def test_it_is_installed_once_before_the_first_test_whatever_the_number_of_workers(
    small_run: SmallRun, bare_machine: dict[str, str], tmp_path: Path, workers: str
) -> None:
    ran = small_run(CONFTEST, TESTS, "-n", workers, **bare_machine)

    assert "9 passed" in ran.stdout, ran.stdout + ran.stderr
    calls = (tmp_path / "apt.log").read_text().splitlines()
    assert [call.split()[-1] for call in calls] == ["update", "redis-server"]
    assert "installing redis-server (apt-get)" in ran.stderr
    [line] = [line for line in ran.stdout.splitlines() if line.startswith("Redis")]
    assert line.split() == ["Redis", "installed", "9.8.7", f"({tmp_path}/bin/redis-server)"]


def test_a_run_of_other_tests_installs_nothing(
    small_run: SmallRun, bare_machine: dict[str, str], tmp_path: Path
) -> None:
    ran = small_run(CONFTEST, TESTS, "-k", "nothing", **bare_machine)

    assert "1 passed, 8 deselected" in ran.stdout, ran.stdout
    assert not (tmp_path / "apt.log").exists()
    assert "Redis" not in ran.stdout


def test_what_cannot_be_had_is_skipped_and_said_once_with_what_to_do(
    small_run: SmallRun, bare_machine: dict[str, str]
) -> None:
    nobody = CONFTEST.replace("lambda: 0", "lambda: 1000")

    ran = small_run(nobody, TESTS, "-n", "2", "-rs", **bare_machine)

    assert "1 passed, 8 skipped" in ran.stdout, ran.stdout
    [line] = [line for line in ran.stdout.splitlines() if line.startswith("Redis")]
    assert "it can be installed by root only: apt-get install redis-server" in line


class Cupboard:
    """A thing that is there once it was put there; `notes` has a line for each time."""

    def __init__(self, folder: Path) -> None:
        self.place, self.notes = folder / "cup", folder / "notes"

    def find(self) -> Program | None:
        return Program(str(self.place), "1.2") if self.place.exists() else None

    def install(self) -> None:
        with self.notes.open("a") as notes:
            notes.write(f"{os.getpid()}\n")
        self.place.touch()

    def thing(self, **more: tuple[str, ...]) -> Thing:
        return Thing(title="Cup", find=self.find, install=self.install, help="buy one", **more)


def _ask(folder: Path) -> None:
    assert Register(folder, {"cup": Cupboard(folder).thing()}).provide(["cup"])["cup"].there


def test_processes_that_ask_together_get_one_installation(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    askers = [context.Process(target=_ask, args=(tmp_path,)) for _ in range(6)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(30)

    assert [asker.exitcode for asker in askers] == [0] * 6
    assert len(Cupboard(tmp_path).notes.read_text().split()) == 1


def broken() -> None:
    raise CannotInstall("the shop is closed")


def lost() -> Program | None:
    return None


@pytest.mark.parametrize(
    ("things", "why"),
    [
        (
            {"cup": Thing(title="Cup", find=lost, install=broken, help="buy one")},
            "the shop is closed: buy one",
        ),
        (
            {"cup": Thing(title="Cup", find=lost, install=lambda: None, help="buy one")},
            "it was installed, and is not there: buy one",
        ),
        (
            {
                "clay": Thing(title="Clay", find=lost, install=broken, help="dig"),
                "cup": Thing(
                    title="Cup", find=lost, install=lambda: None, help="buy one", requires=("clay",)
                ),
            },
            "Clay is not there: buy one",
        ),
    ],
)
def test_the_reason_is_kept_when_a_thing_cannot_be_had(
    tmp_path: Path, things: Mapping[str, Thing], why: str
) -> None:
    for _ in range(2):  # the second one reads it
        outcome = Register(tmp_path, things).provide(["cup"])["cup"]
        assert outcome == Outcome(title="Cup", state=State.MISSING, why=why)


def test_the_summary_has_one_line_for_a_thing_that_has_two_names() -> None:
    installed = Outcome(title="RabbitMQ", state=State.INSTALLED, version="3.10", place="/usr/lib")
    found = Outcome(title="RabbitMQ", state=State.FOUND, version="3.10", place="/usr/lib")
    other = Outcome(title="Redis", state=State.MISSING, why="no")

    assert [line.split() for line in table([installed, found, other])] == [
        ["RabbitMQ", "installed", "3.10", "(/usr/lib)"],
        ["Redis", "not", "there", "no"],
    ]


@pytest.mark.parametrize(
    ("text", "found", "enough"),
    [
        ("v20.19.0", "20.19.0", True),
        ("Chromium 156.0.8078.108 built on Debian", "156.0.8078.108", True),
        ("18.20.4+dfsg-1~deb12u1", "18.20.4", False),
        ("20.2", "20.2", False),
        ("none", "", False),
    ],
)
def test_a_version_is_the_first_number_with_dots(text: str, found: str, enough: bool) -> None:
    assert number(text) == found
    assert at_least(text, (20, 19)) is enough


def test_what_others_require_is_looked_for_first() -> None:
    order = list(THINGS)
    for name, thing in THINGS.items():
        for needed in thing.requires:
            assert order.index(needed) < order.index(name)
