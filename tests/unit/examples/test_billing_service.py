from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from billing_service import follow, tell
from credit_ledger import CreditLedger
from kull_producers import PublisherClosed
from kull_producers.testing import InMemoryPublisher


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[CreditLedger]:
    opened = CreditLedger(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
async def publisher() -> AsyncIterator[InMemoryPublisher]:
    async with InMemoryPublisher() as opened:
        yield opened


def pipe(monkeypatch: pytest.MonkeyPatch, *verdicts: str) -> None:
    lines = [
        json.dumps({"shoot": "s1", "image": f"{number}.jpg", "verdict": verdict})
        for number, verdict in enumerate(verdicts)
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))


async def test_what_a_crash_left_untold_is_told_once_in_order_under_its_id(
    ledger: CreditLedger, publisher: InMemoryPublisher
) -> None:
    ledger.book(entry_id="a", user="maya", change=100, reason="Credit purchase")
    ledger.book(entry_id="b", user="maya", change=-30, reason="Export")

    await tell(ledger, publisher)
    await tell(ledger, publisher)

    assert [(e.id, e.data["newBalance"]) for e in publisher.events] == [("a", 100), ("b", 70)]


async def test_an_entry_that_could_not_be_told_stays_untold(ledger: CreditLedger) -> None:
    ledger.book(entry_id="a", user="maya", change=100, reason="Credit purchase")

    async with InMemoryPublisher() as publisher:
        pass
    with pytest.raises(PublisherClosed):
        await tell(ledger, publisher)

    assert [entry.id for entry in ledger.untold()] == ["a"]


async def test_only_keepers_cost_and_a_second_run_over_a_shoot_costs_nothing(
    ledger: CreditLedger, publisher: InMemoryPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.book(entry_id="a", user="maya", change=10, reason="Credit purchase")
    for _ in range(2):
        pipe(monkeypatch, "keep", "reject", "broken", "keep")
        assert await follow("maya", ledger, publisher) == 0

    assert ledger.balance("maya") == 8
    assert [e.data["newBalance"] for e in publisher.events] == [10, 9, 8]


async def test_what_cannot_be_paid_is_counted_and_not_charged(
    ledger: CreditLedger, publisher: InMemoryPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.book(entry_id="a", user="maya", change=1, reason="Credit purchase")
    pipe(monkeypatch, "keep", "keep", "keep")

    assert await follow("maya", ledger, publisher) == 2
    assert ledger.balance("maya") == 0
