"""One run of pytest on one Python and one RabbitMQ, and what came of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.matrix.pythons import FOLDER, ROOT

PATHS = ("tests/unit", "tests/contract", "tests/integration")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The counts of a run. `broken`: it has not come to its end, or found no test."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    broken: bool = False

    @property
    def good(self) -> bool:
        """Whether all of it was as it should be."""
        return not self.failed and not self.broken

    def __str__(self) -> str:
        counts = [f"{self.passed:,} passed"]
        counts += [f"{self.failed} failed"] if self.failed else []
        counts += [f"{self.skipped} skipped"] if self.skipped else []
        return f"{', '.join(counts)}{' and broken off' if self.broken else ''}"


def run(
    python: Path, name: str, *, expression: str, workers: int, environment: dict[str, str]
) -> Result:
    """Run those tests that a marker expression selects; what they print goes to a file."""
    report, log = FOLDER / f"{name}.xml", FOLDER / f"{name}.log"
    report.unlink(missing_ok=True)
    command = [
        *(str(python), "-m", "pytest", "-v", "-m", expression, f"--junitxml={report}"),
        *("-n", str(workers), "--dist", "loadgroup", *PATHS),
    ]
    with log.open("w") as out:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=out, stderr=out, check=False
        )
    result = read(report, ended=done.returncode in {0, 1})
    if not result.good:
        sys.stderr.write(f"{name}: {result}, see {log.relative_to(ROOT)}\n")
        sys.stderr.writelines(f"  {line}\n" for line in failures(log.read_text()))
    return result


def read(report: Path, *, ended: bool) -> Result:
    """Return what a JUnit report says."""
    if not report.exists():
        return Result(broken=True)
    suites = ET.parse(report).getroot().findall("testsuite")
    tests, failures, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    )
    bad = failures + errors
    return Result(
        passed=max(tests - bad - skipped, 0),
        failed=bad,
        skipped=skipped,
        seconds=sum(float(suite.get("time", 0)) for suite in suites),
        broken=not ended or not tests,
    )


def failures(log: str) -> Sequence[str]:
    """Return the lines in which pytest names what has failed."""
    return [line for line in log.splitlines() if line.startswith(("FAILED ", "ERROR "))]
