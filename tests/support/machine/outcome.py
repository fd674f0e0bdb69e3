"""What became of looking for a thing. PURE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing came to be there."""

    FOUND = "found"
    INSTALLED = "installed"
    MISSING = "not there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One thing on this machine.

    Attributes:
        title: for people.
        state: see `State`.
        version: as the program says it; may be empty.
        place: the program's path, or what it is reached by; empty when it is not there.
        why: the reason when it is not there, and what to do about it.
    """

    title: str
    state: State
    version: str = ""
    place: str = ""
    why: str = ""

    @property
    def there(self) -> bool:
        """Whether tests can have it."""
        return self.state is not State.MISSING

    def line(self) -> str:
        """Return it as a line of the summary."""
        told = f"{self.version} ({self.place})".strip() if self.there else self.why
        return f"{self.title:<18} {self.state:<10} {told}"


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """Return a line for each thing; one that is asked for by two names has the first one's."""
    lines: dict[tuple[str, str], str] = {}
    for each in outcomes:
        lines.setdefault((each.title, each.place or each.why), each.line())
    return list(lines.values())
