from __future__ import annotations

import pytest

from kull_mesh.play.purse import START, MemoryPurse, NotEnough


def test_a_balance_changes_by_what_is_booked_and_each_booking_has_its_own_id() -> None:
    purse = MemoryPurse()

    first, second = purse.book("ada", -20, "a shoot"), purse.book("ada", 5, "a gift")

    assert (first.balance, second.balance) == (START - 20, START - 15)
    assert purse.balance("ada") == START - 15
    assert first.id != second.id
    assert purse.balance("bob") == START


def test_a_balance_never_becomes_negative() -> None:
    purse = MemoryPurse()

    with pytest.raises(NotEnough, match=f"ada has {START} credits, too few for: all of it"):
        purse.book("ada", -START - 1, "all of it")

    assert purse.balance("ada") == START
