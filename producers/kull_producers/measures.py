# Generated from protos/kull_protos/common/measures.py by `make contract`: do not edit.
"""What a node counts and measures: plain numbers that somebody reads now and then. PURE.

The parts of a node add to numbers, which costs next to nothing; whoever exports them reads all at
once. What a number is called, means and is split by is declared as a `Metric`, so that documents,
alert rules and boards can be held to it. Each number has one writer; a reader in another thread may
see a count a moment before its sum.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product
from math import prod
from typing import Final

OTHER: Final = "other"  # what a label says of a value that is not among its own
FROM_THE_START: Final = 64  # series of a metric that are there before anything was counted


class Kind(StrEnum):
    """What a number does."""

    COUNTER = "counter"  # it only grows, from 0 at the start of the process
    GAUGE = "gauge"  # it goes up and down
    HISTOGRAM = "histogram"  # how many values were up to each bound, and their sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What is counted or measured.

    Attributes:
        name: as Prometheus has it, with its unit: `_seconds`, `_bytes`; a counter's ends in
            `_total`.
        text: for people, one line.
        labels: the values of each label; `OTHER` is one of them where more may come.
        bounds: of a histogram, in its unit, growing; infinity is left out.
    """

    name: str
    kind: Kind
    text: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bounds: tuple[float, ...] = ()

    @property
    def series(self) -> int:
        """How many series there are at most."""
        each = len(self.bounds) + 3 if self.kind is Kind.HISTOGRAM else 1
        return each * prod(len(values) for values in self.labels.values())


@dataclass(frozen=True, slots=True)
class Sample:
    """One number of a metric, for one value of each label.

    Attributes:
        counts: of a histogram: how many values lay in each bucket, the last one without bound;
            `value` is their sum.
    """

    labels: tuple[str, ...]
    value: float
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric, and its numbers now."""

    metric: Metric
    samples: tuple[Sample, ...]


def counter(name: str, text: str, **labels: Iterable[str]) -> Metric:
    """Declare a counter; its name ends in `_total`."""
    return Metric(name=name, kind=Kind.COUNTER, text=text, labels=_values(labels))


def gauge(name: str, text: str, **labels: Iterable[str]) -> Metric:
    """Declare a gauge."""
    return Metric(name=name, kind=Kind.GAUGE, text=text, labels=_values(labels))


def histogram(name: str, text: str, bounds: Iterable[float], **labels: Iterable[str]) -> Metric:
    """Declare a histogram; its name ends in its unit."""
    return Metric(
        name=name,
        kind=Kind.HISTOGRAM,
        text=text,
        labels=_values(labels),
        bounds=tuple(bounds),
    )


def _values(labels: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(values) for name, values in labels.items()}


class Count:
    """A number that only grows: whoever counts adds to `value`."""

    __slots__ = ("metric", "value")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.value = 0

    def read(self) -> Reading:
        """Return the number."""
        return Reading(self.metric, (Sample((), self.value),))


class Counts:
    """A number for each value of the labels; unknown values count as OTHER.

    As long as there are not too many they are there from the start, as 0: who sees a number appear
    does not know that it has grown.
    """

    __slots__ = ("_counts", "_known", "metric")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._known = tuple(frozenset(values) for values in metric.labels.values())
        self._counts: dict[tuple[str, ...], int] = {}
        if metric.series <= FROM_THE_START:
            self._counts.update(dict.fromkeys(combinations(metric), 0))

    def add(self, *labels: str, n: int = 1) -> None:
        """Count n more of these labels, in the order of their declaration."""
        key = labels
        if key not in self._counts:
            key = self._bounded(labels)
        self._counts[key] = self._counts.get(key, 0) + n

    def get(self, *labels: str) -> int:
        """Return how many there were."""
        return self._counts.get(labels, 0)

    def sum_of(self, **labels: str) -> int:
        """Return how many there were with these values of some labels."""
        names = list(self.metric.labels)
        wanted = [(names.index(name), value) for name, value in labels.items()]
        return sum(
            count
            for key, count in self._counts.items()
            if all(key[place] == value for place, value in wanted)
        )

    @property
    def total(self) -> int:
        """How many there were of all labels."""
        return sum(self._counts.values())

    def _bounded(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            value if value in known else OTHER
            for value, known in zip(labels, self._known, strict=True)
        )

    def read(self) -> Reading:
        """Return the numbers."""
        samples = (Sample(labels, count) for labels, count in list(self._counts.items()))
        return Reading(self.metric, tuple(samples))


class Histogram:
    """How many values were up to each bound."""

    __slots__ = ("_bounds", "counts", "metric", "sum")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._bounds = metric.bounds
        self.counts = [0] * (len(metric.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float, n: int = 1) -> None:
        """Note n values that are the same."""
        self.counts[bisect_left(self._bounds, value)] += n
        self.sum += value * n

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    def read(self) -> Reading:
        """Return the counts and the sum."""
        return Reading(self.metric, (Sample((), self.sum, tuple(self.counts)),))


class Histograms:
    """A histogram for each value of one label that has come up; unknown values are OTHER's."""

    __slots__ = ("_by_value", "_known", "metric")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        ((_, values),) = metric.labels.items()
        self._known = frozenset(values)
        self._by_value: dict[str, Histogram] = {}

    def of(self, value: str) -> Histogram:
        """Return the histogram of a value of the label."""
        key = value if value in self._known else OTHER
        found = self._by_value.get(key)
        if found is None:
            found = self._by_value[key] = Histogram(self.metric)
        return found

    def read(self) -> Reading:
        """Return the counts and sums of what has come up."""
        samples = (
            Sample((value,), each.sum, tuple(each.counts))
            for value, each in list(self._by_value.items())
        )
        return Reading(self.metric, tuple(samples))


class Gauge:
    """A number that is asked for when somebody reads it; None: it is not known now."""

    __slots__ = ("_ask", "metric")

    def __init__(self, metric: Metric, ask: Callable[[], float | None]) -> None:
        self.metric = metric
        self._ask = ask

    def read(self) -> Reading:
        """Ask."""
        value = self._ask()
        return Reading(self.metric, () if value is None else (Sample((), value),))


class Gauges:
    """A number for each value of a label, or of several labels, asked for by whoever reads them."""

    __slots__ = ("_ask", "metric")

    def __init__(
        self,
        metric: Metric,
        ask: Callable[[], Mapping[str, float] | Mapping[tuple[str, ...], float]],
    ) -> None:
        self.metric = metric
        self._ask = ask

    def read(self) -> Reading:
        """Ask."""
        found = self._ask().items()
        return Reading(
            self.metric,
            tuple(Sample((key,) if isinstance(key, str) else key, n) for key, n in found),
        )


Measure = Count | Counts | Histogram | Histograms | Gauge | Gauges


def measures_of(*groups: object) -> list[Measure]:
    """Return the measures that are attributes of these objects, in the order of their making."""
    return [each for group in groups for each in vars(group).values() if isinstance(each, Measure)]


def combinations(metric: Metric) -> list[tuple[str, ...]]:
    """Return every value that the labels of a metric may have together."""
    return list(product(*metric.labels.values()))


# Bounds that histograms share, so that what they say can be compared.
LATENCY: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
DURATION: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
