"""What others have written is shown and never obeyed."""

from __future__ import annotations

import io
import json
import sys

import pytest
from rich.console import Console

from kull_mesh.output import print_event
from kull_mesh.terminal import json_line, shown, shown_lines, tolerate

ORDERS = [
    "\x1b]0;title\x07",
    "\x1b]52;c;Y2xpcA==\x07",
    "\x9b2J",
    "a\rkull: all is well",
    "a\nkull: forged",
    "\u202egpj.exe",
]


def obeyed(text: str) -> list[str]:
    return [letter for letter in text if not letter.isprintable()]


@pytest.mark.parametrize("order", ORDERS)
def test_a_terminal_obeys_nothing_that_is_shown(order: str) -> None:
    assert obeyed(shown(order)) == []
    assert shown(f"Grüße 😀 {order}").startswith("Grüße 😀 ")


@pytest.mark.parametrize("order", ORDERS)
def test_an_event_is_one_line_whatever_it_says(order: str) -> None:
    out = io.StringIO()
    data = {"newBalance": 1, "change": 1, "reason": order}

    print_event(Console(file=out, width=200), "CREDIT_UPDATE", data, 0)
    print_event(Console(file=out, width=200), f"X{order}", {order: order}, 0)

    assert obeyed(out.getvalue()) == ["\n", "\n"]


@pytest.mark.parametrize("order", ORDERS)
def test_json_says_the_same_and_no_terminal_obeys_it(order: str) -> None:
    line = json_line({"reason": order})

    assert obeyed(line) == []
    assert json.loads(line) == {"reason": order}


def test_lines_of_our_own_stay_lines() -> None:
    assert shown_lines("a\nb\x1b") == "a\nb\\x1b"


def test_a_terminal_that_knows_only_ascii_is_written_to_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    tolerate(stream)
    stream.write("😀 " + json_line({"reason": "😀"}))
    stream.flush()

    text = raw.getvalue().decode("ascii")
    assert text.startswith("\\U0001f600 ")
    assert json.loads(text.partition(" ")[2]) == {"reason": "😀"}
