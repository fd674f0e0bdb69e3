"""A deploy: every edge is drained and started again in turn, under load."""

from __future__ import annotations

import pytest

from tests.support.load.figures import peak, percentile, stretch
from tests.support.load.rolling import Plan, running

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]


@pytest.mark.timeout(240)
async def test_a_rolling_restart_loses_nothing_and_spreads_the_devices_over_their_slots(
    amqp_url: str, database_url: str
) -> None:
    plan = Plan(devices=60, interval=0.5, settle=0.5, settings={})
    async with running(plan, amqp_url, database_url) as rolling:
        steps = [await rolling.restart(edge) for edge in range(3)]

    for step in steps:
        seen = step.record
        assert (step.lost, seen.out_of_order, seen.not_recovered) == (0, 0, 0), step.name
        assert seen.deliveries > 0
        assert set(seen.codes) <= {4000}, "an edge left without saying so"
        assert len(seen.away) == len(seen.slots) == seen.codes[4000]
    slots = max((step.record.slots for step in steps), key=len)
    assert len(slots) >= 20
    assert stretch(slots) > 0.15, "everybody was sent away at once"


def test_a_peak_is_the_fullest_window() -> None:
    assert peak([0.0, 0.5, 0.99, 1.0, 5.0], window=1.0) == 3
    assert peak([], window=1.0) == 0


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert percentile([4, 1, 3, 2], 0.5) == 2
    assert percentile([4, 1, 3, 2], 0.99) == 4
