"""Moments and close codes in words."""

from __future__ import annotations

import pytest

from kull_protos.contract.close_codes import FIRST_STOP, CloseCode
from kull_protos.why.words import ADVICE, advice, closing, count, moment, then
from tests.unit.protos.why.answers import NOW


def test_a_moment_of_today_has_no_date() -> None:
    assert moment(NOW + 7, NOW) == "22:13:20.007"
    assert moment(NOW - 86_400_000, NOW) == "2023-11-13 22:13:20.000"


def test_a_close_code_is_told_with_its_name_and_its_reason_or_meaning() -> None:
    assert closing(4501, "ended at noon") == "4501 token_expired, ended at noon"
    assert closing(4501, "") == "4501 token_expired, get a new token"
    assert closing(4999, "") == "4999"
    assert closing(1006, "cut") == "1006, cut"
    assert closing(0, "no_pong") == "no_pong"
    assert closing(0, "") == "without a close code"


@pytest.mark.parametrize("code", [code for code in CloseCode if code >= FIRST_STOP])
def test_after_a_code_that_keeps_a_device_away_there_is_something_to_do(code: CloseCode) -> None:
    assert code in {*ADVICE, CloseCode.DISCONNECTED, CloseCode.NO_TOKEN, CloseCode.REVOKED}


def test_what_to_do_comes_last_if_there_is_something() -> None:
    assert then("closed", advice(4501)) == "closed: give it a new token"
    assert then("closed", advice(4504)) == "closed"
    assert advice(4999) == ""


def test_one_thing_is_no_things() -> None:
    assert [count(number, "event") for number in (0, 1, 2)] == ["0 events", "1 event", "2 events"]
