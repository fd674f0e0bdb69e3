"""Opens a page where a person can see it."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping


def show(url: str) -> bool:
    """Open the page in the person's browser; return whether there was one to open it in."""
    return can_show(os.environ, terminal=on_terminal()) and webbrowser.open(url)


def on_terminal() -> bool:
    """Whether a person sits at both ends of this program."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def can_show(environment: Mapping[str, str], *, terminal: bool, platform: str = "") -> bool:
    """Whether there is a display. Without one `webbrowser` would take the terminal for itself."""
    if (platform or sys.platform) in {"darwin", "win32"}:
        return terminal
    return terminal and any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
