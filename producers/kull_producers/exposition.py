# Generated from protos/kull_protos/serving/exposition.py by `make contract`: do not edit.
"""Measures as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from kull_producers.measures import Kind, Measure, Metric, Sample

CONTENT_TYPE = CONTENT_TYPE_LATEST


class MeasureCollector(Collector):
    """A collector for a Prometheus registry.

    Args:
        nodes: the measures of each node, by its name. Of one node alone the name may be empty; with
            names each series gets the label `node`, so that several nodes of one kind can share a
            registry.
    """

    def __init__(self, nodes: Callable[[], Iterable[tuple[str, Iterable[Measure]]]]) -> None:
        self._nodes = nodes

    def describe(self) -> Iterable[Family]:
        """Return nothing: the numbers are not asked for when the collector is registered."""
        return []

    def collect(self) -> Iterator[Family]:
        """Read every measure."""
        families: dict[str, Family] = {}
        for node, measures in self._nodes():
            of_node = (node,) if node else ()
            for measure in measures:
                reading = measure.read()
                name = reading.metric.name
                family = families.get(name)
                if family is None:
                    family = families[name] = _family(reading.metric, named=bool(node))
                for sample in reading.samples:
                    _add(family, reading.metric, of_node, sample)
        yield from families.values()


def registry(
    nodes: Callable[[], Iterable[tuple[str, Iterable[Measure]]]], *, process: bool = True
) -> CollectorRegistry:
    """Return a registry of its own with these measures and, once per process, what that takes."""
    made = CollectorRegistry()
    made.register(MeasureCollector(nodes))
    if process:
        ProcessCollector(registry=made)
    return made


def text(registry: CollectorRegistry) -> bytes:
    """Return what `/metrics` answers, of the type CONTENT_TYPE."""
    return generate_latest(registry)


def _family(metric: Metric, *, named: bool) -> Family:
    labels = [*(["node"] if named else []), *metric.labels]
    match metric.kind:
        case Kind.COUNTER:
            return CounterMetricFamily(metric.name, metric.text, labels=labels)
        case Kind.GAUGE:
            return GaugeMetricFamily(metric.name, metric.text, labels=labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(metric.name, metric.text, labels=labels)


def _add(family: Family, metric: Metric, node: tuple[str, ...], sample: Sample) -> None:
    labels = [*node, *sample.labels]
    if isinstance(family, HistogramMetricFamily):
        bounds = [*(str(float(bound)) for bound in metric.bounds), "+Inf"]
        buckets = [(le, float(n)) for le, n in zip(bounds, accumulate(sample.counts), strict=True)]
        family.add_metric(labels, buckets, sample.value)
    elif isinstance(family, CounterMetricFamily | GaugeMetricFamily):
        family.add_metric(labels, float(sample.value))
