"""What is stopped for a test stands still from the next line on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.freezing import freeze, group, thaw
from tests.support.processes import Processes

BUSY = """
import threading, time
def work():
    while True:
        print(flush=True)
for _ in range(8):
    threading.Thread(target=work).start()
"""


def test_a_frozen_process_with_many_busy_threads_writes_nothing_more(
    processes: Processes, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    with path.open("w") as out:
        child = processes.start(sys.executable, "-c", BUSY, stdout=out, start_new_session=True)
        for _ in range(20):
            written = path.stat().st_size
            while path.stat().st_size == written:
                assert child.poll() is None
            freeze(*group(child.pid))
            stood = path.stat().st_size
            assert [path.stat().st_size for _ in range(1000)] == [stood] * 1000
            thaw(*group(child.pid))


def test_processes_that_are_gone_are_left_out(processes: Processes) -> None:
    child = processes.start("true")
    child.wait()

    freeze(child.pid)
    thaw(child.pid)
    assert group(child.pid) == []


def test_who_does_not_stop_is_told(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    child = processes.start("sleep", "60")
    monkeypatch.setattr("tests.support.freezing.WITHIN", 0.05)
    monkeypatch.setattr("tests.support.freezing.signal_all", lambda *_: None)

    with pytest.raises(TimeoutError, match=f"process {child.pid} was not stopped: 1 threads run"):
        freeze(child.pid)
