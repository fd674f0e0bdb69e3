"""What others have written, on a terminal: shown, never obeyed."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from kull_protos.contract.texts import UNFIT


def shown(text: str) -> str:
    r"""Return a text with what a terminal would obey written out, such as `\x1b` and `\n`."""
    return UNFIT.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shown_lines(text: str) -> str:
    """Return the same of a text that may have several lines of its own."""
    return "\n".join(shown(line) for line in text.split("\n"))


def json_line(value: Any) -> str:
    """Return JSON on one line, readable, which no terminal obeys and any encoding can print."""
    text = json.dumps(value, ensure_ascii=not _unicode(sys.stdout), separators=(",", ":"))
    return UNFIT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def tolerate(*streams: TextIO) -> None:
    """Let streams write out what their encoding lacks, such as an emoji on an ASCII terminal."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)  # not every stand-in has it
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _unicode(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "").lower().startswith("utf")
