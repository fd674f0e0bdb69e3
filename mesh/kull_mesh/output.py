"""How events look to people, on a terminal and in a pipe."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from kull_mesh.terminal import shown

_COLOURS = {
    "SHOOT_PROGRESS": "cyan",
    "CREDIT_UPDATE": "green",
    "PROMPT_CHANGE": "magenta",
    "DEVICE_CONNECTED": "dim",
    "DEVICE_DISCONNECTED": "dim",
}


def line_of(kind: str, data: Mapping[str, Any]) -> str:
    """Return one line for people about an event."""
    match kind:
        case "SHOOT_PROGRESS":
            return _shoot(data)
        case "CREDIT_UPDATE":
            return f"balance {data['newBalance']} ({data['change']:+}): {data['reason']}"
        case "PROMPT_CHANGE":
            return f"prompt {data['promptId']} {data['action']}"
        case "DEVICE_CONNECTED" | "DEVICE_DISCONNECTED":
            return (
                f"{data.get('deviceName') or data['deviceId']} {data.get('platform', '')}".strip()
            )
        case _:
            return ", ".join(f"{name} {value}" for name, value in data.items())


def _shoot(data: Mapping[str, Any]) -> str:
    done, total = data["processedCount"], data["totalCount"]
    percent = f"{100 * done // total}%" if total else "-"
    line = f"{data['shootId']} {data['status']} {done}/{total} {percent}"
    if data.get("currentImage"):
        line += f" {data['currentImage']}"
    if data.get("eta") is not None:
        line += f", {data['eta']:.0f} s to go"
    if data.get("errorMessage"):
        line += f": {data['errorMessage']}"
    return line


def print_event(console: Console, kind: str, data: Mapping[str, Any], timestamp_ms: int) -> None:
    """Print one event on a line."""
    clock = time.strftime("%H:%M:%S", time.localtime(timestamp_ms / 1000))
    line = Text(f"{clock}  ")
    line.append(f"{shown(kind):<20}", style=_COLOURS.get(kind, ""))
    line.append(shown(line_of(kind, data)))
    console.print(line, soft_wrap=True)
