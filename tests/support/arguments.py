"""What the command lines of benches and campaigns share."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable


def at_least(least: int) -> Callable[[str], int]:
    """Return an argparse type: a whole number, not below `least`."""

    def number(text: str) -> int:
        found = int(text)
        if found < least:
            raise argparse.ArgumentTypeError(f"{found} is below {least}")
        return found

    return number


def stop_in_order() -> None:
    """Let SIGTERM and SIGINT end the program as Ctrl-C does: what it has started is stopped.

    SIGINT too, since a shell's background jobs are born with it ignored.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
