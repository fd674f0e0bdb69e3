"""One failure stays one failure."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.unit.support.conftest import SmallRun

pytestmark = pytest.mark.timeout(120)  # runs within a run

CONFTEST = 'pytest_plugins = ["tests.support.plugins.isolation"]\n'
STARTS = """
import asyncio, os, pathlib, pytest, socket, subprocess, sys, time

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
# It starts one more, in a session of its own, as a process that has workers does.
PARENT = [sys.executable, "-c", '''
import subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(sleep, start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
''']

def note(*pids):
    with pathlib.Path("pids").open("a") as file:
        file.write("".join(f"{pid}\\n" for pid in pids))
"""


def runs(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def pids(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def test_a_failed_test_leaves_no_process_and_its_neighbour_passes(
    small_run: SmallRun, tmp_path: Path
) -> None:
    tests = f"""{STARTS}
def test_fails(processes):
    parent = processes.start(*PARENT, stdout=subprocess.PIPE, text=True)
    note(parent.pid, parent.stdout.readline().strip())
    assert not "reached"

async def test_fails_in_a_loop(async_processes):
    child = await async_processes.start_async(*SLEEP, stdout=subprocess.PIPE)
    note(child.pid)
    await child.stdout.readline()
    raise ValueError("in the middle")

def test_neighbour():
    noted = pathlib.Path("pids").read_text().split()
    assert [pid for pid in noted if os.path.exists(f"/proc/{{pid}}/exe")] == []
"""

    ran = small_run(CONFTEST, tests)

    assert "2 failed, 1 passed" in ran.stdout, ran.stdout
    assert len(pids(tmp_path)) == 3
    assert not [pid for pid in pids(tmp_path) if runs(pid)]


def test_what_a_failed_test_has_left_open_is_not_its_neighbours_fault(small_run: SmallRun) -> None:
    tests = f"""{STARTS}
import gc

class Loud:
    def __del__(self):
        raise RuntimeError("never closed")

def test_fails():
    left = socket.create_server(("127.0.0.1", 0))
    loud = Loud()
    assert not left

async def test_fails_with_tasks():
    left = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(asyncio.sleep(600), name="left")
    await asyncio.sleep(0)
    assert not task

def test_neighbour():
    gc.collect()

async def test_neighbour_with_a_loop():
    assert len(asyncio.all_tasks()) == 1
    gc.collect()
"""

    ran = small_run(CONFTEST, tests)

    assert "2 failed, 2 passed" in ran.stdout, ran.stdout


def test_a_process_that_nobody_owns_is_killed_and_named(
    small_run: SmallRun, tmp_path: Path
) -> None:
    tests = f"""{STARTS}
KEPT = []

def test_forgets():
    KEPT.append(subprocess.Popen(SLEEP, stdout=subprocess.DEVNULL))
    note(KEPT[0].pid)
"""

    ran = small_run(CONFTEST, tests)

    [pid] = pids(tmp_path)
    assert "1 passed, 1 error" in ran.stdout, ran.stdout
    assert f"test_small.py left processes behind: {pid}: " in ran.stdout
    assert not runs(pid)


def test_signals_that_the_shell_ignores_are_heeded_by_a_tests_processes(
    small_run: SmallRun,
) -> None:
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGCHLD]
    tests = f"""{STARTS}
@pytest.mark.parametrize("number", {[int(number) for number in numbers]})
def test_child(number):
    look = f"import signal; print(signal.getsignal({{number}}) is signal.SIG_IGN)"
    ran = subprocess.run([sys.executable, "-c", look], stdout=subprocess.PIPE)
    assert ran.stdout == b"False\\n"
"""
    without = small_run("", tests, ignored=numbers)
    ran = small_run(CONFTEST, tests, ignored=numbers)

    assert "3 failed" in without.stdout, "nothing was ignored"
    assert "3 passed" in ran.stdout, ran.stdout


def test_no_test_starts_a_process_that_nobody_owns() -> None:
    tests = Path(__file__).parents[2]
    starts = re.compile(r"\b(Popen\(|create_subprocess_\w+\()")

    found = [
        f"{path.relative_to(tests)}: {match[1]}"
        for path in tests.rglob("test_*.py")
        if path != Path(__file__)
        for match in starts.finditer(path.read_text())
    ]

    assert found == []
