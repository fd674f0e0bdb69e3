"""When an open connection needs another token."""

from __future__ import annotations

from kull_client.renewal import Renewal


def test_a_token_is_renewed_at_four_fifths_of_its_life() -> None:
    renewal = Renewal()
    renewal.lives(100.0, now=7.0)

    assert renewal.at == 87.0


def test_a_token_of_no_life_is_not_renewed_without_a_pause() -> None:
    renewal = Renewal()
    renewal.lives(0.0, now=7.0)

    assert renewal.at == 8.0


def test_a_token_that_lives_for_ever_is_not_renewed() -> None:
    renewal = Renewal()
    renewal.lives(100.0, now=0.0)
    renewal.lives(None, now=1.0)

    assert renewal.at is None


def test_short_lives_are_lived_without_a_gap() -> None:
    renewal = Renewal()
    now = 0.0
    for _ in range(10):
        renewal.lives(6.0, now)
        assert renewal.at is not None
        assert renewal.at - now < 6
        now = renewal.at
        renewal.take(now)


def test_between_renewals_there_are_ten_seconds_where_none_brings_a_token_to_live_with() -> None:
    renewal = Renewal()
    renewal.expired(now=5.0)
    assert renewal.at == 5.0
    renewal.take(now=5.0)
    renewal.lives(0.5, now=5.1)
    assert renewal.at == 15.0
    renewal.expired(now=5.6)
    assert renewal.at == 15.0
    renewal.lives(3600.0, now=6.0)
    assert renewal.at == 6.0 + 0.8 * 3600


def test_a_renewal_that_fails_is_made_again_later_and_later() -> None:
    renewal = Renewal()
    pauses = []
    now = 0.0
    for _ in range(2_000):
        renewal.take(now)
        renewal.failed(now + 1)
        assert renewal.at is not None
        pauses.append(renewal.at - now - 1)
        now = renewal.at

    assert pauses[:7] == [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]
    assert pauses[-1] == 300.0


def test_a_token_that_expires_after_a_failure_is_not_waited_with() -> None:
    renewal = Renewal()
    renewal.take(now=0.0)
    renewal.expired(now=9.0)
    renewal.failed(now=9.5)

    assert renewal.at == 10.0


def test_an_expired_token_is_renewed_at_once_also_after_a_renewal_that_failed() -> None:
    renewal = Renewal()
    renewal.lives(100.0, now=0.0)
    renewal.take(now=80.0)
    assert renewal.at is None
    renewal.expired(now=100.0)

    assert renewal.at == 100.0
