"""Opens a page where a person can see it."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Mapping


def show(url: str) -> bool:
    """Open the page in the person's browser; return whether there is a display for it."""
    shown = can_show(os.environ, terminal=on_terminal())
    if shown:
        # Some browsers return when they are closed; who serves the page cannot wait for that.
        threading.Thread(target=webbrowser.open, args=[url], name="browser", daemon=True).start()
    return shown


def on_terminal() -> bool:
    """Whether a person sits at both ends of this program."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def can_show(environment: Mapping[str, str], *, terminal: bool, platform: str = "") -> bool:
    """Whether there is a display. Without one `webbrowser` would take the terminal for itself."""
    if (platform or sys.platform) in {"darwin", "win32"}:
        return terminal
    return terminal and any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
