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
    """All runs of one figure under one load: by rival, then by the number of the round."""

    kind: Kind
    load: str
    runs: dict[str, dict[int, float]] = field(default_factory=dict)

    def values(self, rival: str) -> list[float]:
        """Return what a rival's rounds found, in their order."""
        return list(self.runs.get(rival, {}).values())

    def median(self, rival: str) -> float:
        """Return a rival's median; NaN if it has no run."""
        return median(self.values(rival))

    def pairs(self, rival: str, ours: str = OURS) -> list[float]:
        """Return ours divided by the rival's for each round that both were measured in.

        The machine's mood changes from one quarter of an hour to the next; within a round it is
        the same for both, or nearly. A round in which the rival's is 0 has no ratio.
        """
        theirs = self.runs.get(rival, {})
        mine = self.runs.get(ours, {})
        return [mine[number] / theirs[number] for number in mine if theirs.get(number)]

    def ratio(self, rival: str, ours: str = OURS) -> float:
        """Return the median of `pairs`; NaN if there are none."""
        return median(self.pairs(rival, ours))

    def as_json(self) -> dict[str, Any]:
        """Return the object of bench/results.json; what is missing is null.

        `runs` are by rival and round, the others medians.
        """
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
    """Collects what the runs found.

    Attributes:
        failed: whether a rival could not do its job.
        planned: how many rounds each load is to have.
        whole: how many of them are over, with each rival's turn.
    """

    def __init__(self) -> None:
        self.planned: dict[str, int] = {}
        self.whole: dict[str, int] = {}
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
                for number, value in runs.items():
                    self.add(figure.load, rival, [(figure.kind, value)], number=number)
        for note in other.notes:
            self.note(note)
        self.failed = self.failed or other.failed
        self.disturbed(other.others)

    def add(
        self, load: str, rival: str, found: Iterable[tuple[Kind, float]], *, number: int
    ) -> None:
        """Add what a round, of this number, found of a rival under a load."""
        for kind, value in found:
            figure = self.figures.setdefault((load, kind.name), Figure(kind=kind, load=load))
            figure.runs.setdefault(rival, {})[number] = value

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

    def unfinished(self) -> str:
        """Return which rounds are missing, or nothing."""
        if all(self.whole.get(load, 0) == rounds for load, rounds in self.planned.items()):
            return ""
        counts = (
            f"{self.whole.get(load, 0)} of {rounds} ({load})"
            for load, rounds in self.planned.items()
        )
        return f"The run has not come to its end. Only whole rounds are here: {'; '.join(counts)}."

    def loads(self) -> Mapping[str, Sequence[Figure]]:
        """Return the figures by load, in the order they came."""
        found: dict[str, list[Figure]] = {}
        for figure in self.figures.values():
            found.setdefault(figure.load, []).append(figure)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a goal stands. `values`: of each round; `value`: their median; `met`: whether it will do.

    `rounds_met`: how many of the rounds would do by themselves.
    """

    value: float
    values: list[float]
    met: bool
    rounds_met: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What our figure should be: `limit` times a rival's of the same round, or in its own unit."""

    figure: str
    load: str
    limit: float
    rival: str = ""

    def judge(self, results: Results) -> Verdict | None:
        """Return how it stands; None if it was not measured."""
        figure = results.figures.get((self.load, self.figure))
        if figure is None:
            return None
        values = figure.pairs(self.rival) if self.rival else figure.values(OURS)
        value = median(values)
        if math.isnan(value):
            return None
        enough = self._enough(figure.kind, value)
        met = sum(self._enough(figure.kind, each) for each in values)
        return Verdict(value=value, values=values, met=enough, rounds_met=met)

    def _enough(self, kind: Kind, value: float) -> bool:
        return value <= self.limit if kind.better == "lower" else value >= self.limit


def median(values: Sequence[float]) -> float:
    """Return the median; NaN of nothing."""
    return statistics.median(values) if values else math.nan


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
