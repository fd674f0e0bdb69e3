"""How log lines look, for every role."""

from __future__ import annotations

import logging
import sys

import structlog

from kull_mesh.settings import MeshSettings


class ToStructlog(logging.Handler):
    """Gives the lines of libraries, which log by `logging`, the form of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record."""
        structlog.get_logger(record.name).log(
            record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info
        )


def configure(settings: MeshSettings) -> None:
    """Log to stderr: for people on a terminal, one JSON object a line otherwise.

    Tracebacks never show local variables: those may hold tokens.
    """
    for_people = settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    last: list[structlog.typing.Processor]
    if for_people:
        last = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    else:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[ToStructlog()], level=logging.WARNING, force=True)
    # What it calls an error is told again by whoever called it, in our words.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
