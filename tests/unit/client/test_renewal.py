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


def test_an_expired_token_is_renewed_at_once_also_after_a_renewal_that_failed() -> None:
    renewal = Renewal()
    renewal.lives(100.0, now=0.0)
    renewal.take()
    assert renewal.at is None
    renewal.expired(now=100.0)

    assert renewal.at == 100.0
