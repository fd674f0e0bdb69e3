"""Moments, close codes and what to do, in words. PURE."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from kull_protos.contract import close_codes
from kull_protos.contract.close_codes import CloseCode

_DAY: Final = 86_400_000  # milliseconds
ADVICE: Final = {
    CloseCode.TOKEN_EXPIRED: "give it a new token",
    CloseCode.BAD_TOKEN: "look at the key, audience and device of its token (`kull token`)",
    CloseCode.REPLACED: "if it goes on, two clients use one device id",
    CloseCode.TOO_MANY_DEVICES: "disconnect one, or raise KULL_DEVICES_PER_USER",
    CloseCode.TOO_MANY_ATTEMPTS: "look why it connects so often",
    CloseCode.TOO_MANY_ERRORS: "mend the client",
    CloseCode.ATTACH_TIMEOUT: "`kull nodes`: are all shards owned?",
}


def moment(at_ms: int, now_ms: int) -> str:
    """Return a moment in UTC, with its date if that is not today."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    text = f"{at:%H:%M:%S}.{at_ms % 1000:03}"
    return text if at_ms // _DAY == now_ms // _DAY else f"{at:%Y-%m-%d} {text}"


def closing(code: int, reason: str) -> str:
    """Return a close code with its name, or meaning, and the reason that was given."""
    known = close_codes.find(code)
    if not code:
        return reason or "without a close code"
    name = f"{code} {known.label}" if known else str(code)
    why = reason or (known.meaning if known else "")
    return f"{name}, {why}" if why else name


def advice(code: int) -> str:
    """Return what to do after a close code, empty if there is nothing."""
    known = close_codes.find(code)
    return ADVICE.get(known, "") if known else ""


def count(number: int, what: str) -> str:
    """Return a number of things."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def then(text: str, more: str) -> str:
    """Return a text with what to do behind it, if there is something."""
    return f"{text}: {more}" if more else text
