"""What Prometheus reads is what was counted."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from kull_protos.common.measures import (
    Count,
    Counts,
    Gauge,
    Histogram,
    Measure,
    counter,
    gauge,
    histogram,
)
from kull_protos.serving import exposition


def counted() -> list[Measure]:
    total = Count(counter("kull_x_total", "how many"))
    total.value += 3
    by_kind = Counts(counter("kull_y_total", "by kind", kind=("a", "b")))
    by_kind.add("a", n=2)
    waits = Histogram(histogram("kull_z_seconds", "how long", (0.5, 1)))
    for value in (0.1, 0.7, 9):
        waits.observe(value)
    return [total, by_kind, waits, Gauge(gauge("kull_g", "now"), lambda: 4)]


def read(text: bytes) -> dict[str, float]:
    return {
        sample.name
        + "".join(f"{{{k}={v}}}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_every_kind_of_number_is_told_as_prometheus_has_it() -> None:
    measures = counted()
    told = read(exposition.text(exposition.registry(lambda: [("", measures)], process=False)))

    assert told == {
        "kull_x_total": 3,
        "kull_y_total{kind=a}": 2,
        "kull_y_total{kind=b}": 0,
        "kull_z_seconds_bucket{le=0.5}": 1,
        "kull_z_seconds_bucket{le=1.0}": 2,
        "kull_z_seconds_bucket{le=+Inf}": 3,
        "kull_z_seconds_count": 3,
        "kull_z_seconds_sum": 9.8,
        "kull_g": 4,
    }


def test_nodes_of_one_kind_share_a_page_and_are_told_apart() -> None:
    nodes = [("edge-1", counted()), ("edge-2", counted())]
    text = exposition.text(exposition.registry(lambda: nodes, process=False))

    told = read(text)
    assert told["kull_x_total{node=edge-1}"] == told["kull_x_total{node=edge-2}"] == 3
    assert text.count(b"# TYPE kull_x_total counter") == 1


def test_what_a_process_takes_is_told_with_it() -> None:
    told = read(exposition.text(exposition.registry(list)))

    assert told["process_cpu_seconds_total"] > 0
    assert told["process_max_fds"] > 0


def test_two_registries_of_one_process_do_not_mix() -> None:
    first, second = counted(), counted()
    one = exposition.registry(lambda: [("", first)])
    exposition.registry(lambda: [("", second)])
    for measure in second:
        if isinstance(measure, Count):
            measure.value += 10

    assert read(exposition.text(one))["kull_x_total"] == 3
