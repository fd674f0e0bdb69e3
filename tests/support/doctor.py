"""`kull doctor`, asked by tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

SECONDS = 90


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What it said, by check, and its exit code."""

    code: int
    findings: list[dict[str, Any]]
    canary: dict[str, Any] | None

    def bad(self, *checks: str) -> list[tuple[str, str, str]]:
        """Return what is not fine: the check, how bad, and what. No checks: all of them."""
        return [
            (each["check"], each["severity"], each["what"])
            for each in self.findings
            if each["severity"] in {"warning", "error"} and (not checks or each["check"] in checks)
        ]

    def says(self, check: str, severity: str, text: str) -> bool:
        """Whether a check has found something that says this."""
        found = self.bad(check)
        return any(how == severity and text in what for _, how, what in found)


def doctor(
    *options: str, descriptors: int = 0, environment: dict[str, str] | None = None
) -> Diagnosis:
    """Run it as a process. `descriptors`: that it may have open; 0: as many as we may."""
    command = [sys.executable, "-m", "kull_mesh", "doctor", "--json", *options]
    if descriptors:
        command = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *command]
    env = {**os.environ, **(environment or {})}
    ran = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=SECONDS, env=env
    )
    assert ran.stdout, ran.stderr
    told = json.loads(ran.stdout)
    assert told["status"] == ran.returncode, "the exit code is the status"
    return Diagnosis(ran.returncode, told["findings"], told["canary"])
