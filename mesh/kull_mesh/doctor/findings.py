"""What the doctor says. PURE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal, get_args

# What is looked at, in the order in which a set-up comes to life.
Check = Literal[
    "settings", "machine", "tls", "rabbitmq", "accounts", "store", "nodes", "clocks", "canary"
]
CHECKS: Final[tuple[str, ...]] = get_args(Check)


class Severity(IntEnum):
    """How bad it is: the worst is the exit code."""

    SKIPPED = -1  # not looked at: `what` says why
    FINE = 0
    WARNING = 1  # it works, and will not for ever, or not as it should
    ERROR = 2  # something does not work

    @property
    def label(self) -> str:
        """The word for people and machines."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check has seen. `do`: what to do about it; empty: nothing."""

    check: str
    severity: Severity
    what: str
    do: str = ""


class Findings:
    """Collects what one check finds."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self.all: list[Finding] = []

    def fine(self, what: str) -> None:
        """It is as it should be."""
        self._add(Severity.FINE, what, "")

    def skipped(self, what: str, do: str = "") -> None:
        """It was not looked at."""
        self._add(Severity.SKIPPED, what, do)

    def warning(self, what: str, do: str) -> None:
        """It works for now."""
        self._add(Severity.WARNING, what, do)

    def error(self, what: str, do: str) -> None:
        """It does not work."""
        self._add(Severity.ERROR, what, do)

    def _add(self, severity: Severity, what: str, do: str) -> None:
        self.all.append(Finding(check=self._check, severity=severity, what=what, do=do))


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0: all is fine, 1: there are warnings, 2: there are errors."""
    return max(0, max((each.severity for each in findings), default=0))
