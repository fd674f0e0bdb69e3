from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from credit_ledger import CreditLedger, NotEnoughCredits


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[CreditLedger]:
    opened = CreditLedger(tmp_path / "ledger.db")
    yield opened
    opened.close()


def test_a_balance_is_the_sum_of_its_entries(ledger: CreditLedger) -> None:
    ledger.book(entry_id="a", user="maya", change=100, reason="Credit purchase")
    entry = ledger.book(entry_id="b", user="maya", change=-30, reason="Export")

    assert (entry.balance, ledger.balance("maya"), ledger.balance("otto")) == (70, 70, 0)


def test_a_repeated_id_is_booked_once(ledger: CreditLedger) -> None:
    first = ledger.book(entry_id="a", user="maya", change=100, reason="Credit purchase")
    again = ledger.book(entry_id="a", user="maya", change=100, reason="Credit purchase")

    assert again == first
    assert ledger.balance("maya") == 100


def test_a_balance_never_becomes_negative(ledger: CreditLedger) -> None:
    ledger.book(entry_id="a", user="maya", change=2, reason="Credit purchase")

    with pytest.raises(NotEnoughCredits, match="maya has 2 credits, 3 are needed"):
        ledger.book(entry_id="b", user="maya", change=-3, reason="Export")
    assert ledger.balance("maya") == 2
    assert [entry.id for entry in ledger.untold()] == ["a"]


def test_entries_outlive_the_process(tmp_path: Path) -> None:
    before = CreditLedger(tmp_path / "ledger.db")
    entry = before.book(entry_id="a", user="maya", change=5, reason="Credit purchase")
    before.close()
    after = CreditLedger(tmp_path / "ledger.db")

    assert after.untold() == [entry]
    assert after.balance("maya") == 5
    after.close()
