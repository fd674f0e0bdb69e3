"""`python -m tests.matrix`: the tests on every Python and RabbitMQ of this machine.

Each Python runs the unit, contract and integration tests that need no RabbitMQ once, and those that
need one with each RabbitMQ. Exit code 0 when all have passed; a version that is named and not there
is a failure, one that is only looked for is not. Reports and output are in build/matrix.
"""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from tests.matrix import pythons, rabbitmqs, suites
from tests.matrix.pythons import NoPython, Python
from tests.matrix.rabbitmqs import Server
from tests.matrix.suites import Result
from tests.support.arguments import at_least

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
WITHOUT = "not rabbitmq and not compose"


def main() -> int:
    """Read the options, run every combination, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pythons", nargs="*", help="versions or paths; default: those found")
    parser.add_argument("--rabbitmqs", nargs="*", help="'installed' or paths; default: those found")
    parser.add_argument("--workers", type=at_least(1), required=True, help="of pytest")
    options = parser.parse_args()
    pythons.FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        interpreters = _pythons(options.pythons or [])
        servers = [rabbitmqs.find(name) for name in options.rabbitmqs or rabbitmqs.known()]
        results = {}
        for python in interpreters:
            inside = pythons.environment(python)
            for server in (None, *servers):
                name = f"python-{python.version}-rabbitmq-{server.version if server else 'none'}"
                results[python, server] = suites.run(
                    inside,
                    name,
                    expression="rabbitmq" if server else WITHOUT,
                    workers=options.workers,
                    environment=rabbitmqs.environment(server),
                )
                sys.stdout.write(f"{name}: {results[python, server]}\n")
    except (NoPython, ValueError) as error:
        parser.exit(2, f"{error}\n")
    Console(highlight=False, soft_wrap=True).print(_table(interpreters, servers, results))
    return 0 if results and all(result.good for result in results.values()) else 1


def _pythons(names: list[str]) -> list[Python]:
    if names:
        return [pythons.find(name) for name in names]
    found = []
    for name in VERSIONS:
        try:
            found.append(pythons.find(name))
        except NoPython as error:
            sys.stdout.write(f"left out: {error}\n")
    return found


def _table(
    interpreters: list[Python],
    servers: list[Server],
    results: dict[tuple[Python, Server | None], Result],
) -> Table:
    table = Table("Python", "without RabbitMQ", *(f"RabbitMQ {one.version}" for one in servers))
    for python in interpreters:
        cells = [results[python, server] for server in (None, *servers)]
        table.add_row(python.version, *(f"{one} in {one.seconds:.0f} s" for one in cells))
    return table


if __name__ == "__main__":
    sys.exit(main())
