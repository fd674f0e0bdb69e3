"""Numbers that are counted cheaply, bounded in how many there are."""

from __future__ import annotations

import pytest

from kull_protos.common.measures import (
    FROM_THE_START,
    OTHER,
    Count,
    Counts,
    Gauge,
    Gauges,
    Histogram,
    Histograms,
    Sample,
    combinations,
    counter,
    gauge,
    histogram,
    measures_of,
)

BY_COLOUR = counter("kull_x_total", "x", colour=("red", "blue", OTHER))
WAITS = histogram("kull_x_seconds", "x", (0.1, 1))


def test_a_value_that_was_not_declared_counts_as_other() -> None:
    counts = Counts(BY_COLOUR)
    for colour in ("red", "maya", "user:maya", "red"):
        counts.add(colour)

    assert counts.get("red") == 2
    assert counts.get(OTHER) == 2
    assert counts.total == 4
    assert {sample.labels for sample in counts.read().samples} == set(combinations(BY_COLOUR))


def test_declared_values_are_there_from_the_start_unless_there_are_too_many() -> None:
    assert [sample.value for sample in Counts(BY_COLOUR).read().samples] == [0, 0, 0]

    many = counter("kull_y_total", "y", a=map(str, range(FROM_THE_START + 1)))
    assert Counts(many).read().samples == ()


def test_several_are_counted_in_one_step() -> None:
    counts = Counts(counter("kull_z_total", "z", a=("1", "2"), b=("3",)))
    counts.add("1", "3", n=5)

    assert counts.get("1", "3") == 5
    assert counts.get("2", "3") == 0


@pytest.mark.parametrize(
    ("value", "bucket"), [(0.0, 0), (0.1, 0), (0.11, 1), (1, 1), (1.5, 2), (1e9, 2)]
)
def test_a_value_lies_in_the_bucket_of_the_first_bound_that_is_not_below_it(
    value: float, bucket: int
) -> None:
    waits = Histogram(WAITS)
    waits.observe(value, 3)

    assert [index for index, count in enumerate(waits.counts) if count] == [bucket]
    assert waits.count == 3
    assert waits.sum == pytest.approx(3 * value)


def test_histograms_by_a_label_are_bounded_as_well() -> None:
    waits = Histograms(histogram("kull_w_seconds", "w", (1,), path=("/a", OTHER)))
    for path in ("/a", "/made/up", "/other/made/up"):
        waits.of(path).observe(0.5)

    assert waits.of(OTHER).count == 2
    assert waits.read().samples == (Sample(("/a",), 0.5, (1, 0)), Sample((OTHER,), 1.0, (2, 0)))


def test_a_gauge_is_asked_when_it_is_read_and_may_not_know() -> None:
    values: list[float | None] = [None, 3.0]
    asked = Gauge(gauge("kull_g", "g"), lambda: values.pop(0))

    assert asked.read().samples == ()
    assert asked.read().samples == (Sample((), 3.0),)
    by_kind = Gauges(gauge("kull_h", "h", kind=("a", "b")), lambda: {"a": 1, "b": 2})
    assert by_kind.read().samples == (Sample(("a",), 1), Sample(("b",), 2))


def test_the_series_of_a_metric_are_counted() -> None:
    assert BY_COLOUR.series == 3
    assert WAITS.series == 2 + 3  # buckets with that of infinity, count, sum
    assert gauge("kull_g", "g").series == 1


def test_the_measures_of_a_group_are_found_in_the_order_of_their_making() -> None:
    class Group:
        def __init__(self) -> None:
            self.second = Count(counter("kull_b_total", "b"))
            self.name = "no measure"
            self.first = Histogram(WAITS)

    assert [each.metric.name for each in measures_of(Group())] == ["kull_b_total", "kull_x_seconds"]
