"""`python -m kull_producers.gateway`: the HTTP triggers, configured by `KULL_*`."""

from __future__ import annotations

import asyncio
import logging
import sys

import structlog
from pydantic import ValidationError

from kull_producers.errors import KullError
from kull_producers.gateway.serve import serve
from kull_producers.gateway.settings import GatewaySettings


def main() -> int:
    """Serve until told to stop; return the exit code. What went wrong is one line on stderr."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        asyncio.run(serve(GatewaySettings()))
    except ValidationError as error:
        sys.stderr.write(f"{_wrong_settings(error)}\n")
        return 1
    except (KullError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _wrong_settings(error: ValidationError) -> str:
    # Without the input, which may be a secret.
    problems = error.errors(include_url=False, include_input=False)
    return "; ".join(f"KULL_{str(each['loc'][0]).upper()}: {each['msg']}" for each in problems)


if __name__ == "__main__":
    sys.exit(main())
