"""One failure stays one failure: a test ends what it has started, and pays for what it leaves.

- The fixture `processes` owns what a test starts.
- What a failed test has left half open is collected before the next one runs: its warnings would be
  the next one's failure.
- A process that is left when the tests of a module are through is killed, and named.
- Children get SIGINT, SIGTERM and SIGCHLD as a terminal gives them, whatever the shell ignores.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import warnings
from collections.abc import AsyncIterator, Generator, Iterator

import pytest
import pytest_asyncio

from tests.support import shared_run
from tests.support.processes import Processes, children, command_line, kill_tree

FAILED = pytest.StashKey[bool]()
OWN = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Take back the signals that whoever started this run has turned off."""
    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    for number in numbers:
        if signal.getsignal(number) is signal.SIG_IGN:
            usual = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Own the processes of a test."""
    with Processes() as owner:
        yield owner


@pytest_asyncio.fixture
async def async_processes() -> AsyncIterator[Processes]:
    """Own the processes of a test that waits for them in its event loop."""
    async with Processes() as owner:
        yield owner


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep what `make coverage` has measured: a worker may be killed before it ends by itself."""
    measure = sys.modules.get("coverage")
    measured = measure.Coverage.current() if measure else None
    if measured and hasattr(session.config, "workerinput"):
        measured.save()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which test has failed."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """After a failed test let go of everything that its traceback holds."""
    done = yield
    if item.stash.get(FAILED, False):
        for name in ("last_exc", "last_value", "last_type", "last_traceback"):
            with contextlib.suppress(AttributeError):
                delattr(sys, name)
        _collect_in_silence()
    return done


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """When a module's fixtures are gone as well, nothing of it may run any more."""
    yield
    if nextitem is not None and nextitem.path == item.path:
        return
    left = [pid for pid in children(os.getpid()) if not _of_the_run(pid)]
    told = [f"{pid}: {command_line(pid)}" for pid in left]
    for pid in left:
        kill_tree(pid)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    if left:
        pytest.fail(f"{item.path.name} left processes behind: {'; '.join(told)}", pytrace=False)


def _of_the_run(pid: int) -> bool:
    line = command_line(pid)
    kept = shared_run.keepers() | shared_run.spares
    return pid in kept or any(name in line for name in OWN)


def _collect_in_silence() -> None:
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()
    finally:
        sys.unraisablehook = hook
