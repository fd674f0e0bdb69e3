"""Which lines are logged: by setting, and changed while a process runs."""

from __future__ import annotations

import logging
from typing import Any, Final

import structlog

log = structlog.get_logger(__name__)

_NUMBERS: Final = logging.getLevelNamesMapping() | {"EXCEPTION": logging.ERROR}


class Level:
    """Lets lines pass that are severe enough."""

    def __init__(self) -> None:
        self._least = logging.INFO
        self._set = "info"
        self.name = "info"

    def configure(self, name: str) -> None:
        """Take the level of a setting, to which `back` leads."""
        self._set = name
        self._take(name)

    def debug(self) -> None:
        """Log everything from now on."""
        self._change("debug")

    def back(self) -> None:
        """Log as the setting says again."""
        self._change(self._set)

    def __call__(self, _logger: object, method: str, line: dict[str, Any]) -> dict[str, Any]:
        """See structlog's processors."""
        if _NUMBERS.get(method.upper(), logging.CRITICAL) < self._least:
            raise structlog.DropEvent
        return line

    def _change(self, name: str) -> None:
        if name != self.name:
            self._take(name)
            # As severe as it takes to be seen, whatever the level.
            log.critical("log_level_changed", to=name)

    def _take(self, name: str) -> None:
        self.name, self._least = name, _NUMBERS[name.upper()]


level: Final = Level()  # of this process
