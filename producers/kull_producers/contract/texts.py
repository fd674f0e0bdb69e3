# Generated from protos/kull_protos/contract/texts.py by `make contract`: do not edit.
"""Which characters a text may hold that other people's devices show. PURE."""

from __future__ import annotations

import re
from typing import Final

CONTROL: Final = "\x00-\x1f\x7f-\x9f"  # inside the brackets of a pattern
TURNING: Final = "\u202a-\u202e\u2066-\u2069"  # these turn the direction of what follows
UNFIT: Final = re.compile(f"[{CONTROL}{TURNING}]")


def plain_text(text: str, limit: int) -> str:
    """Return text fit to show and to store: nothing unfit, no lone surrogates, cut."""
    return UNFIT.sub("", text).encode(errors="ignore").decode()[:limit]
