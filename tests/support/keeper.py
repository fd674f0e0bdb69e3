"""The main function of a service that tests share: start it, say where it is, wait, stop it."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path


def main(start: Callable[[], AbstractContextManager[tuple[str, str]]], about: str | None) -> None:
    """Run a service until Ctrl-C, SIGTERM, or the exit of a process.

    start: opens the service and gives (a line for people, a line of JSON). Whatever it raises is
    told on stderr.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--until-exit-of", type=int, metavar="PID")
    parser.add_argument("--lock", type=Path, help="file to hold locked while it runs")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    lock = options.lock.open("w") if options.lock else None
    if lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with start() as (for_people, as_json):
            sys.stdout.write(f"{as_json if options.json else for_people}\n")
            sys.stdout.flush()
            while not stop.wait(1.0):
                if options.until_exit_of and not _exists(options.until_exit_of):
                    break
    except RuntimeError as error:
        sys.exit(str(error))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
