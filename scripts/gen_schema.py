"""Generate docs/schema from the edge's messages and the events; `--check` fails on drift."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from kull_mesh.event_types.asyncapi import document
from kull_mesh.event_types.websocket import device_schema, server_schema
from kull_producers.events.models import EVENTS

SCHEMA: Final = Path(__file__).parent.parent / "docs/schema"


def generate() -> dict[Path, str]:
    """Return what each generated file should hold."""
    files = {
        "device.json": device_schema(),
        "server.json": server_schema(EVENTS),
        "asyncapi.json": document(EVENTS),
    }
    return {SCHEMA / name: json.dumps(each, indent=2) + "\n" for name, each in files.items()}


def main() -> None:
    """Write the files, or compare them with what is committed."""
    files = generate()
    if "--check" in sys.argv:
        drifted = [
            path.name
            for path, text in files.items()
            if not path.exists() or path.read_text() != text
        ]
        if drifted:
            sys.exit(f"docs/schema has drifted, run `make schema`: {', '.join(drifted)}")
        return
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
