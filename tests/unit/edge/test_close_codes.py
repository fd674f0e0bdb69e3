"""The table of close codes is the one of the written protocol."""

from __future__ import annotations

import re
from pathlib import Path

from kull_edge.protocol import close_codes

PROTOCOL = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()


def test_the_table_is_the_one_in_the_protocol_document() -> None:
    section = PROTOCOL.split("## Close codes")[1].split("\n## ")[0]
    documented = {
        int(code): (name, meaning.strip())
        for code, name, meaning in re.findall(
            r"^\| (\d+) \| `(\w+)` \| (.+) \|$", section, re.MULTILINE
        )
    }

    assert documented == {row.code: (row.name, row.meaning) for row in close_codes.TABLE.values()}


def test_the_ranges_decide_whether_a_client_comes_back() -> None:
    assert all(close_codes.retry(code) for code in (4000, 4499, 1001, 1006, 1011, 1012, 1013))
    assert not any(
        close_codes.retry(code) for code in (4500, 4999, 1000, 1002, 1003, 1007, 1008, 1009, 1010)
    )
