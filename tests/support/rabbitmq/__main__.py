"""Run a RabbitMQ in the foreground: `python -m tests.support.rabbitmq`.

The first line of output is its URL, or with `--json` its endpoint. It ends on Ctrl-C or SIGTERM, or
with `--until-exit-of PID` when that process is gone, whatever killed it.
"""

from __future__ import annotations

import argparse
import dataclasses
import fcntl
import json
import os
import signal
import sys
import threading
from pathlib import Path

from tests.support.rabbitmq import NoRabbitMQ, source


def main() -> None:
    """Start it, say where it is, wait, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--until-exit-of", type=int, metavar="PID")
    parser.add_argument("--lock", type=Path, help="file to hold locked while RabbitMQ runs")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    lock = options.lock.open("w") if options.lock else None
    if lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        rabbitmq = source.start()
    except NoRabbitMQ as error:
        sys.exit(str(error))
    try:
        endpoint = rabbitmq.endpoint
        line = json.dumps(dataclasses.asdict(endpoint)) if options.json else endpoint.url()
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        while not stop.wait(1.0):
            if options.until_exit_of and not _exists(options.until_exit_of):
                break
    finally:
        rabbitmq.close()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main()
