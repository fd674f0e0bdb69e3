"""The table of error codes is the one of the written protocol, and all that is sent is in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from kull_protos.contract.close_codes import CloseCode
from kull_protos.contract.error_codes import ErrorCode

ROOT = Path(__file__).parents[4]
SENDERS = {"BadFrame", "error", "_error", "_fail"}


def test_the_table_is_the_one_in_the_protocol_document() -> None:
    text = (ROOT / "docs/protocol.md").read_text()
    section = text.split("## Errors")[1].split("\n## ")[0]

    documented = re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)

    assert documented == [(code.value, code.when) for code in ErrorCode]


def test_a_code_is_its_text_and_no_close_code_has_the_same() -> None:
    assert (str(ErrorCode.BUSY), f"{ErrorCode.BUSY}") == ("busy", "busy")
    assert set(ErrorCode).isdisjoint(code.label for code in CloseCode)


def test_the_edge_sends_no_code_that_is_not_in_the_table() -> None:
    said = {
        call.args[0].value
        for path in (ROOT / "edge/kull_edge").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and (call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func))
        in SENDERS
        and path.parent.name in {"protocol", "session"}
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }

    assert said <= set(ErrorCode)
    assert len(said) > 5
