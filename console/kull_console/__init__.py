"""The console: what operators see of a deployment, and do (`kull-console`)."""

from __future__ import annotations

from kull_console import page
from kull_console.access.operators import ACT, READ, NotValid, Operator, Operators
from kull_console.app import Console
from kull_console.errors import ConsoleConfigError, ConsoleError
from kull_console.settings import ConsoleSettings

__all__ = [
    "ACT",
    "READ",
    "Console",
    "ConsoleConfigError",
    "ConsoleError",
    "ConsoleSettings",
    "NotValid",
    "Operator",
    "Operators",
    "page",
]
