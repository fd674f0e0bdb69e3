"""Figures, their medians and ratios, and what was aimed at. PURE."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

OURS: Final = "Kull (SQLite)"
DISTURBED: Final = 0.1  # cores used by others: a turn is repeated above, or that is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a figure is. `better`: which direction is. `detail` figures explain another one."""

    name: str
    unit: str
    better: Literal["lower", "higher"] = "lower"
    detail: bool = False

    @property
    def title(self) -> str:
        """Its name and unit."""
        return f"{self.name}, {self.unit}" if self.unit else self.name


@dataclass(slots=True, kw_only=True)
class Figure:
    """All runs of one figure under one load, by rival."""

    kind: Kind
    load: str
    runs: dict[str, list[float]] = field(default_factory=dict)

    def median(self, rival: str) -> float:
        """Return a rival's median; NaN if it has no run."""
        return statistics.median(self.runs[rival]) if self.runs.get(rival) else math.nan

    def ratio(self, rival: str, ours: str = OURS) -> float:
        """Return our median divided by the rival's; NaN if one is missing or the rival's is 0."""
        theirs = self.median(rival)
        return self.median(ours) / theirs if theirs else math.nan

    def as_json(self) -> dict[str, Any]:
        """Return the object of bench/results.json; what is missing is null."""
        rivals = [rival for rival in self.runs if rival != OURS]
        return {
            "name": self.kind.name,
            "unit": self.kind.unit,
            "better": self.kind.better,
            "load": self.load,
            "ours": _known(self.median(OURS)),
            "rivals": {rival: _known(self.median(rival)) for rival in rivals},
            "ratios": {rival: _known(self.ratio(rival)) for rival in rivals},
            "runs": self.runs,
        }


class Results:
    """Collects what the runs found. `failed`: whether a rival could not do its job."""

    def __init__(self) -> None:
        self.figures: dict[tuple[str, str], Figure] = {}
        self.notes: list[str] = []
        self.failed = False
        self.others = 0.0  # cores, at most during a measurement

    @property
    def calm(self) -> bool:
        """Whether others have left the machine alone."""
        return self.others <= DISTURBED

    def join(self, other: Results) -> None:
        """Add what other runs found."""
        for figure in other.figures.values():
            for rival, runs in figure.runs.items():
                for value in runs:
                    self.add(figure.load, rival, [(figure.kind, value)])
        for note in other.notes:
            self.note(note)
        self.failed = self.failed or other.failed
        self.disturbed(other.others)

    def add(self, load: str, rival: str, found: Iterable[tuple[Kind, float]]) -> None:
        """Add one run of a rival under a load."""
        for kind, value in found:
            figure = self.figures.setdefault((load, kind.name), Figure(kind=kind, load=load))
            figure.runs.setdefault(rival, []).append(value)

    def note(self, text: str) -> None:
        """Add what a reader must know; the same text once."""
        if text not in self.notes:
            self.notes.append(text)

    def fail(self, text: str) -> None:
        """Note that a rival could not do its job."""
        self.failed = True
        self.note(text)

    def disturbed(self, cores: float) -> None:
        """Take into account how much of the machine others used during a measurement."""
        self.others = max(self.others, cores)

    def warning(self) -> str:
        """Return what to know first, or nothing."""
        if self.calm:
            return ""
        return (
            f"The machine was not calm: other programs used up to {self.others:.2f} cores during "
            "a measurement. Times and rates are disturbed; CPU time per delivery less so."
        )

    def loads(self) -> Mapping[str, Sequence[Figure]]:
        """Return the figures by load, in the order they came."""
        found: dict[str, list[Figure]] = {}
        for figure in self.figures.values():
            found.setdefault(figure.load, []).append(figure)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What our median of a figure should be: `limit` times a rival's, or in the figure's unit."""

    figure: str
    load: str
    limit: float
    rival: str = ""

    def judge(self, results: Results) -> tuple[float, bool] | None:
        """Return the ratio (or our median) and whether that is enough; None if not measured."""
        figure = results.figures.get((self.load, self.figure))
        if figure is None:
            return None
        value = figure.ratio(self.rival) if self.rival else figure.median(OURS)
        if math.isnan(value):
            return None
        enough = value <= self.limit if figure.kind.better == "lower" else value >= self.limit
        return value, enough


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
