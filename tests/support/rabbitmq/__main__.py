"""Run a RabbitMQ in the foreground: `python -m tests.support.rabbitmq`.

The first line of output is its URL, or with `--json` its endpoint. It ends on Ctrl-C or SIGTERM, or
with `--until-exit-of PID` when that process is gone, whatever killed it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support import keeper, machine
from tests.support.rabbitmq import source


@contextmanager
def running() -> Iterator[tuple[str, str]]:
    """Start one from wherever it can be had. Raises RuntimeError."""
    machine.need("rabbitmq")
    rabbitmq = source.start()
    try:
        endpoint = rabbitmq.endpoint
        yield endpoint.url(), json.dumps(dataclasses.asdict(endpoint))
    finally:
        rabbitmq.close()


if __name__ == "__main__":
    keeper.main(running, __doc__)
