"""The table of error codes is the one of the written protocol, and all that is sent is in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from kull_protos.contract.close_codes import CloseCode
from kull_protos.contract.error_codes import ErrorCode

ROOT = Path(__file__).parents[4]
SERVICES = ("edge/kull_edge", "router/kull_router")
# Where the code is another's: a router's answer, an error caught, the name of a close code.
PASSED_ON = {"answer.error_code", "error.code", "code.label", "name", "code"}


def test_the_table_is_the_one_in_the_protocol_document() -> None:
    text = (ROOT / "docs/protocol.md").read_text()
    section = text.split("## Errors")[1].split("\n## ")[0]

    documented = re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)

    assert documented == [(code.value, code.when) for code in ErrorCode]


def test_a_code_is_its_text_and_no_close_code_has_the_same() -> None:
    assert (str(ErrorCode.BUSY), f"{ErrorCode.BUSY}") == ("busy", "busy")
    assert set(ErrorCode).isdisjoint(code.label for code in CloseCode)


def calls() -> list[ast.Call]:
    return [
        node
        for service in SERVICES
        for path in (ROOT / service).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]


def test_every_code_of_the_table_is_sent_by_somebody() -> None:
    sent = {
        node.attr
        for service in SERVICES
        for path in (ROOT / service).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ErrorCode"
    }

    assert sent == set(ErrorCode.__members__)


def test_the_edge_sends_a_code_of_the_table_or_passes_one_on() -> None:
    said = {
        ast.unparse(call.args[0])
        for call in calls()
        if ast.unparse(call.func).rpartition(".")[2] in {"BadMessage", "error", "_fail"}
        and not ast.unparse(call.func).startswith("log.")
        and call.args
    }

    assert {code for code in said if not code.startswith("ErrorCode.")} == PASSED_ON
    assert len(said) > len(PASSED_ON) + 5


def test_a_router_says_no_code_by_hand() -> None:
    fields = [
        keyword.value
        for call in calls()
        for keyword in call.keywords
        if keyword.arg == "error_code"
    ]

    assert fields
    assert [ast.unparse(each) for each in fields if isinstance(each, ast.Constant)] == []
