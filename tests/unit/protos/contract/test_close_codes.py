"""The table of close codes is the one of the written protocol, and the ranges decide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kull_protos.contract import close_codes
from kull_protos.contract.close_codes import CloseCode

PROTOCOL = (Path(__file__).parents[4] / "docs/protocol.md").read_text()


def test_the_table_is_the_one_in_the_protocol_document() -> None:
    section = PROTOCOL.split("## Close codes")[1].split("\n## ")[0]
    documented = {
        int(code): (name, meaning.strip())
        for code, name, meaning in re.findall(
            r"^\| (\d+) \| `(\w+)` \| (.+) \|$", section, re.MULTILINE
        )
    }

    assert documented == {int(code): (code.label, code.meaning) for code in CloseCode}


def test_a_row_is_found_by_its_number_and_an_unknown_number_has_none() -> None:
    assert close_codes.find(4500) is CloseCode.BAD_TOKEN
    assert close_codes.find(4999) is close_codes.find(close_codes.TRY_AGAIN) is None


def test_a_code_is_its_number_wherever_one_is_wanted() -> None:
    assert (CloseCode.REPLACED, str(CloseCode.REPLACED)) == (4503, "4503")


@pytest.mark.parametrize("code", [4000, 4499, 3999, 1001, 1006, 1011, 1012, 1013])
def test_a_client_comes_back_after(code: int) -> None:
    assert close_codes.may_reconnect(code)


@pytest.mark.parametrize("code", [4500, 4999, 1000, 1002, 1003, 1007, 1008, 1009, 1010])
def test_a_client_stays_away_after(code: int) -> None:
    assert not close_codes.may_reconnect(code)


def test_every_code_is_in_a_range_of_its_own_and_has_a_meaning() -> None:
    assert all(close_codes.FIRST <= code <= close_codes.LAST for code in CloseCode)
    assert all(code.meaning for code in CloseCode)
    assert close_codes.TRY_AGAIN not in set(CloseCode)
