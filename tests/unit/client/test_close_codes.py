"""The table is the one of the protocol document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kull_client import close_codes

PROTOCOL = Path(__file__).parents[3] / "docs" / "protocol.md"


def documented() -> dict[int, str]:
    rows = re.findall(r"^\| (4\d{3}) \| `(\w+)` \|", PROTOCOL.read_text(), re.MULTILINE)
    return {int(code): name for code, name in rows}


def test_the_names_are_those_of_the_protocol_document() -> None:
    assert documented()
    assert documented() == {int(code): code.label for code in close_codes.CloseCode}


def test_the_standard_codes_that_stop_are_those_of_the_protocol_document() -> None:
    sentence = re.search(r"Of the standard codes ([\d, and]+) mean stop", PROTOCOL.read_text())

    assert sentence is not None
    assert {int(code) for code in re.findall(r"\d+", sentence[1])} == close_codes.STANDARD_STOP


@pytest.mark.parametrize(
    ("code", "again"),
    [
        (1000, False),
        (1001, True),
        (1006, True),
        (1008, False),
        (1011, True),
        (1012, True),
        (3999, True),
        (4000, True),
        (4499, True),
        (4500, False),
        (4999, False),
    ],
)
def test_the_range_of_a_code_decides(code: int, again: bool) -> None:
    assert close_codes.may_reconnect(code) is again
