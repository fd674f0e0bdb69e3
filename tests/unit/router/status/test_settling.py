from __future__ import annotations

from kull_router.status.settling import LONGEST, Settling


def test_a_shard_is_settled_a_grace_after_it_came() -> None:
    settling = Settling(5)
    assert not settling.is_settled(1, 100), "it is another router's"
    settling.owned(1, 100)
    assert not settling.is_settled(1, 104.9)
    assert settling.is_settled(1, 105)
    settling.lost(1)
    assert not settling.is_settled(1, 200)


def test_a_session_of_the_owner_before_makes_it_wait_longer_but_not_for_ever() -> None:
    settling = Settling(5)
    settling.owned(1, 100)
    settling.resumed(1, 104)
    assert not settling.is_settled(1, 108)
    assert settling.is_settled(1, 109)

    settling.owned(1, 200)
    for now in range(200, 260):
        settling.resumed(1, now)
    assert settling.is_settled(1, 200 + LONGEST * 5)


def test_once_it_is_settled_it_stays_so() -> None:
    settling = Settling(5)
    settling.owned(1, 100)
    settling.resumed(1, 106)
    assert settling.is_settled(1, 107)
