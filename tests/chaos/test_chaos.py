"""A short campaign with every kind of fault once, and a ledger that would notice."""

from __future__ import annotations

import pytest

from tests.chaos import campaign, ledger

KINDS = [
    "edge killed",
    "serving router killed",
    "every connection cut",
    "serving router stopped and continued",
    "edge drained",
    "PostgreSQL killed",
    "serving router drained",
    "RabbitMQ killed",
    "connections half open",
    "a third of the connections cut",
    "edge stopped and continued",
]


@pytest.mark.rabbitmq
@pytest.mark.postgres
@pytest.mark.timeout(400)
async def test_whatever_dies_nothing_confirmed_is_lost_reordered_or_leaked() -> None:
    plan = campaign.Plan(seconds=0, seed=1, users=10, interval=0.2, kinds=KINDS)

    report = await campaign.run(plan)

    assert report.violations() == []
    assert set(report.recoveries) == set(KINDS)
    assert sum(report.ledger.confirmed.values()) > 100


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
