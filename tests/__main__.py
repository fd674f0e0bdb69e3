"""Run every test, of Python and of the web SDK, and say both results: `make test`.

What the tests need of the machine is found or installed first. The second suite runs when the first
one has failed, too; the exit code is 0 only when both have passed.
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import shared_run
from tests.support.arguments import at_least, stop_in_order
from tests.support.machine import THINGS, Outcome, Register, table

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "build"
NOT_NEEDED = {"docker", "docker_compose"}  # tests/compose asks for them itself


@dataclass(slots=True)
class Counts:
    """How many tests did what.

    Attributes:
        broken: a suite ended badly though no test of it has failed.
        told: a line for each suite.
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    broken: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list, compare=False)

    @classmethod
    def read(cls, report: Path) -> Counts:
        """Count what a JUnit report tells; nothing when there is none."""
        if not report.exists():
            return cls()
        # Written by our own suites a moment ago.
        suites = list(ET.parse(report).getroot().iter("testsuite"))

        def total(*names: str) -> int:
            return sum(int(suite.get(name) or 0) for suite in suites for name in names)

        failed, skipped = total("failures", "errors"), total("skipped")
        return cls(passed=total("tests") - failed - skipped, failed=failed, skipped=skipped)

    def add(self, other: Counts) -> None:
        """Add the counts of a suite."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.broken += other.broken
        self.told += other.told

    @property
    def code(self) -> int:
        """The exit code."""
        return 1 if self.failed or self.broken else 0

    def __str__(self) -> str:
        """Return it as pytest and vitest say it."""
        told = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        return "; ".join([told, *self.broken])

    def tell(self, line: str) -> None:
        """Say a line now, and once more in the summary: much is printed in between."""
        self.told.append(line)
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def summary(self) -> str:
        """Return what `make test` ends with: a line for each suite, and the total."""
        return "\n".join([*self.told, str(self)])


def run(name: str, command: Sequence[str], report: Path, **env: str) -> Counts:
    """Run a suite to its end and count its tests."""
    report.unlink(missing_ok=True)
    begin = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env})
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    counts = Counts.read(report)
    if code and not counts.failed:
        counts.broken.append(f"{name} ended with exit code {code}")
    counts.tell(f"{name}: {counts} in {time.monotonic() - begin:.0f} s")
    return counts


def python_suite(workers: int, more: Sequence[str]) -> Counts:
    """Run pytest."""
    report = REPORTS / "tests-python.xml"
    command = [sys.executable, "-m", "pytest", "-n", str(workers), "--dist", "loadgroup"]
    command += ["--durations=10", f"--junitxml={report}", *more]
    return run("Python", command, report)


def web_suite() -> Counts:
    """Build the web SDK, check it and run vitest."""
    report = REPORTS / "tests-web.xml"
    options = f"--reporter=default --reporter=junit --outputFile.junit={report}"
    return run("Web SDK", ["make", "--no-print-directory", "web", f"VITEST={options}"], report)


def both(python: Callable[[], Counts], web: Callable[[], Counts], node: Outcome) -> Counts:
    """Run one suite after the other, whatever became of the first."""
    counts = python()
    if node.there:
        counts.add(web())
    else:
        counts.tell(f"The web SDK was not tested: {node.why}")
    return counts


def main() -> int:
    """Run both suites; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=at_least(1), required=True)
    parser.add_argument("pytest", nargs="*", help="further options of pytest, after --")
    options = parser.parse_args()
    stop_in_order()
    for name in [name for name in os.environ if name.startswith("MAKE")]:
        del os.environ[name]  # a make within is one of its own
    REPORTS.mkdir(exist_ok=True)
    register = Register(shared_run.open_run())
    try:
        found = register.provide(THINGS.keys() - NOT_NEEDED)
        python = functools.partial(python_suite, options.workers, options.pytest)
        counts = both(python, web_suite, found["node"])
        sys.stdout.write("\n".join(["", *table(register.known().values()), ""]))
    except KeyboardInterrupt:
        sys.stdout.write("stopped\n")
        return 130
    finally:
        shared_run.close_run()
    sys.stdout.write(f"{counts.summary()}\n")
    return counts.code


if __name__ == "__main__":
    sys.exit(main())
