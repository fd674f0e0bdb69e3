"""What happened, line by line, for people who look into a seed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog


class Trace:
    """Lines of virtual time, place and event."""

    def __init__(self, *, on: bool) -> None:
        self.on = on
        self.lines: list[str] = []

    def note(self, where: str, what: object) -> None:
        """Add a line."""
        if self.on:
            text = " ".join(str(what).split())
            now = asyncio.get_running_loop().time()
            self.lines.append(f"{now:10.6f}  {where:22} {text}")

    @contextmanager
    def instead_of_logs(self) -> Iterator[None]:
        """Take what the code logs into the trace, or drop it."""
        before = structlog.get_config()
        level = logging.DEBUG if self.on else logging.CRITICAL
        structlog.configure(
            processors=[self._logged], wrapper_class=structlog.make_filtering_bound_logger(level)
        )
        disabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(disabled)
            structlog.configure(**before)

    def _logged(self, _logger: object, _name: str, event: MutableMapping[str, Any]) -> Any:
        name = event.pop("event")
        self.note("log", f"{name} {dict(sorted(event.items()))}")
        raise structlog.DropEvent
