"""A short campaign with every kind of fault once, and a ledger that would notice."""

from __future__ import annotations

import pytest

from tests.chaos import campaign, flow, ledger
from tests.chaos.report import FAILOVER_WITHIN

KINDS = [
    "edge killed",
    "producer killed",
    "serving router killed",
    "every connection cut",
    "serving router stopped and continued",
    "edge drained",
    "PostgreSQL killed",
    "serving router drained",
    "RabbitMQ killed",
    "PostgreSQL stopped and continued",
    "RabbitMQ stopped and continued",
    "connections unplugged",
    "connections half open",
    "a third of the connections cut",
    "edge stopped and continued",
]


@pytest.mark.usefixtures("rabbitmq_server", "postgres_server")
@pytest.mark.timeout(600)
async def test_whatever_dies_nothing_confirmed_is_lost_reordered_or_leaked() -> None:
    plan = campaign.Plan(seconds=0, seed=1, users=10, interval=0.2, kinds=KINDS)

    report = await campaign.run(plan)

    assert report.violations() == []
    assert set(report.recoveries) == set(KINDS)
    assert report.pauses.keys() == FAILOVER_WITHIN.keys()
    assert sum(report.ledger.confirmed.values()) > 100


def test_the_pause_ends_when_the_last_shard_delivers_what_was_published_since() -> None:
    watched = flow.Flow(100.0, {"ada": 5, "bob": 7}, {"ada": 0, "bob": 1}.__getitem__)

    watched.deliver("ada", 6, 102.0)
    watched.deliver("bob", 7, 103.0)  # from before
    assert watched.pause is None
    watched.deliver("ada", 7, 103.5)
    watched.deliver("bob", 8, 104.0)

    assert watched.pause == 4.0


def counted() -> ledger.Ledger:
    book = ledger.Ledger()
    book.add_device("mac", "maya")
    for number in (1, 2, 3):
        book.confirm("maya", number)
    return book


def test_the_ledger_sees_a_loss() -> None:
    book = counted()
    for number in (1, 3):
        book.deliver("mac", "maya", number)

    assert book.violations() == ["1 lost"]


def test_the_ledger_sees_a_late_first_delivery_and_forgives_a_repeat() -> None:
    book = counted()
    for number in (1, 3, 2, 3, 1):
        book.deliver("mac", "maya", number)

    assert book.violations() == ["1 out of order"]
    assert book.repeats == 2


def test_the_ledger_sees_a_leak() -> None:
    book = counted()
    for number in (1, 2, 3):
        book.deliver("mac", "maya", number)
    book.deliver("mac", "otto", 1)

    assert book.violations() == ["1 leaked to another user"]
