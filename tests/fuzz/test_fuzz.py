"""A short run of each target; `python -m tests.fuzz` is the long one."""

from __future__ import annotations

import pytest

from tests.fuzz import amqp, websocket

SEEDS = (1, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_message_breaks_a_router(seed: int) -> None:
    report = amqp.fuzz(5_000, seed)

    assert report.errors == []
    assert min(report.events, report.moved, report.buried) > 100  # it is not all nonsense


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_device_breaks_an_edge_or_disturbs_another(seed: int) -> None:
    report = await websocket.fuzz(3_000, seed)

    assert report.errors == []
    assert report.left_over == 0
    assert report.opened > 1_000
