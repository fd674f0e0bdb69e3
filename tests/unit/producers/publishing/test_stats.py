"""A publisher counts what became of its events, without any library."""

from __future__ import annotations

import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry

from kull_producers.errors import (
    AccessRefused,
    ConnectError,
    KullError,
    NoAnswer,
    NotDeployed,
    NotRoutable,
    Overloaded,
    PublishError,
    PublishTimeout,
)
from kull_producers.exposition import MeasureCollector
from kull_producers.measures import OTHER
from kull_producers.publishing.publisher import Publisher
from kull_producers.publishing.stats import PublisherStats
from kull_producers.testing import MemoryTransport


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Overloaded("x"), "overloaded"),
        (PublishTimeout("x"), "timeout"),
        (NotRoutable("x"), "not_routable"),
        (AccessRefused("x"), "access_refused"),
        (ConnectError("x"), "unreachable"),
        (NoAnswer("x"), "unreachable"),
        (PublishError("x"), OTHER),
        (NotDeployed("x"), OTHER),
    ],
)
def test_what_was_given_up_is_counted_by_its_reason(error: KullError, reason: str) -> None:
    stats = PublisherStats()
    stats.gave_up(error)

    assert stats.failed.get(reason) == 1
    assert stats.failed.total == 1


async def test_confirms_are_measured_and_what_is_exported_is_what_was_counted() -> None:
    async with Publisher(MemoryTransport()) as publisher:
        await publisher.credit_update(user_id="maya", new_balance=1, change=1, reason="Gift")
        stats = publisher.stats

        registry = CollectorRegistry()
        registry.register(MeasureCollector(lambda: [("", stats.measures)]))
        assert stats.confirmed.count == 1
        assert stats.flying == 0
        assert registry.get_sample_value("kull_publisher_confirm_seconds_count") == 1
        assert registry.get_sample_value("kull_publisher_in_flight") == 0


def test_the_sdk_loads_no_prometheus_unless_it_is_asked_to_export() -> None:
    code = "import sys, kull_producers\nprint('prometheus_client' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )

    assert done.stdout.strip() == "False"
