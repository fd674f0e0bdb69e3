"""Sessions end in time, are bounded, and a planted cookie is worth nothing."""

from __future__ import annotations

from itertools import count

import pytest

from kull_console.access import sessions as module
from kull_console.access.sessions import Sessions
from tests.unit.console.answers import ACTOR, READER


class Time:
    now = 1_000.0


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def sessions(time: Time) -> Sessions:
    numbers = count()
    return Sessions(
        clock=lambda: time.now,
        randomness=lambda size: next(numbers).to_bytes(size),
        longest=100,
        idle=10,
    )


def test_each_sign_in_has_a_cookie_and_a_token_of_its_own(sessions: Sessions) -> None:
    first, one = sessions.begin(ACTOR)
    second, other = sessions.begin(ACTOR)

    assert len({first, second, one.csrf, other.csrf}) == 4
    assert sessions.find(first) is one
    assert one.accepts(one.csrf)
    assert not one.accepts(other.csrf) and not one.accepts("") and not one.accepts("ü\ud800")


def test_signing_in_ends_the_session_before_and_adopts_no_cookie(sessions: Sessions) -> None:
    planted = "planted-by-somebody"
    cookie, _ = sessions.begin(ACTOR, instead_of=planted)
    again, _ = sessions.begin(ACTOR, instead_of=cookie)

    assert cookie != planted and sessions.find(planted) is None
    assert sessions.find(cookie) is None
    assert sessions.find(again) is not None


def test_a_session_ends_when_it_is_not_used_and_in_any_case_after_its_longest(
    sessions: Sessions, time: Time
) -> None:
    cookie, _ = sessions.begin(ACTOR)
    for _ in range(11):
        time.now += 9
        assert sessions.find(cookie) is not None
    time.now += 1
    assert sessions.find(cookie) is None

    cookie, _ = sessions.begin(ACTOR)
    time.now += 6
    assert sessions.find(cookie, use=False) is not None
    time.now += 4
    assert sessions.find(cookie) is None


def test_one_that_signs_out_is_out(sessions: Sessions) -> None:
    cookie, _ = sessions.begin(READER)
    sessions.end(cookie)
    sessions.end(cookie)
    assert sessions.find(cookie) is None


def test_there_are_only_so_many_and_the_longest_unused_goes(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    first, _ = sessions.begin(ACTOR)
    second, _ = sessions.begin(ACTOR)
    sessions.find(first)
    sessions.begin(READER)

    assert len(sessions) == 2
    assert sessions.find(second) is None
    assert sessions.find(first) is not None
