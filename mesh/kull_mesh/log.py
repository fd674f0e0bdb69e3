"""How log lines look, for every role, and that logging harms none: it neither fails nor floods."""

from __future__ import annotations

import atexit
import logging
import sys
import time
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

from kull_mesh.log_level import level
from kull_mesh.log_limit import Limit, in_a_thread
from kull_mesh.settings import MeshSettings
from kull_mesh.terminal import shown


class Lossy:
    """A stream that loses what cannot be written: a full disk ends no process.

    In all else it is the stream that it stands for.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write it, or not."""
        with suppress(OSError, ValueError):  # full, or closed
            self._stream.write(text)

    def flush(self) -> None:
        """Flush it, or not. What a buffer still holds of a failed write fails again here."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        """Return anything else of the stream."""
        return getattr(self._stream, name)


class ToStructlog(logging.Handler):
    """Gives the lines of libraries, which log by `logging`, the form of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record; one whose arguments do not fit its text is told, and raises nothing."""
        try:
            text = record.getMessage()
        except Exception:
            self.handleError(record)
            return
        structlog.get_logger(record.name).log(
            record.levelno, text, logger=record.name, exc_info=record.exc_info
        )


def escaped(_logger: object, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    """Write out what a terminal would obey: lines repeat what strangers have published."""
    return {name: shown(value) if isinstance(value, str) else value for name, value in line.items()}


def configure(settings: MeshSettings) -> None:
    """Log to stderr: for people on a terminal, one JSON object a line otherwise.

    From then on stderr loses what cannot be written, whoever writes it: Python itself as well.
    Tracebacks never show local variables: those may hold tokens.
    """
    stream: Any = sys.stderr
    if not isinstance(stream, Lossy):
        stream = sys.stderr = cast("TextIO", Lossy(stream))
    for_people = settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    level.configure(settings.log_level)
    limit = Limit(time.monotonic, in_a_thread)
    atexit.register(limit.tell)
    last: list[structlog.typing.Processor]
    if for_people:
        last = [
            cast("structlog.typing.Processor", escaped),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    else:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            cast("structlog.typing.Processor", level),
            cast("structlog.typing.Processor", limit),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),  # `level` decides
        # A line in one write: several workers may share the stream.
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[ToStructlog()], level=logging.WARNING, force=True)
    # What it calls an error is told again by whoever called it, in our words.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
