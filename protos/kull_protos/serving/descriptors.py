"""How many files and sockets this process may have open."""

from __future__ import annotations

import resource
from typing import Final

MIN_RESERVE: Final = 32
MAX_RESERVE: Final = 256
SHARE: Final = 16  # the reserve is a sixteenth, within these bounds


def raise_limit() -> int:
    """Raise the soft limit to the hard one; return what is in force, 0 for no limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # some systems allow less than they say
            return _limit(soft)
    return _limit(hard)


def ceiling() -> int:
    """Return the first descriptor that no connection of a peer may have; 0: any may.

    The kernel hands out the lowest that is free. Those from here on are kept for files, the store,
    RabbitMQ and links, and for connections that are about to be cut.
    """
    limit = _limit(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return limit and max(1, limit - min(MAX_RESERVE, max(MIN_RESERVE, limit // SHARE)))


def _limit(value: int) -> int:
    return 0 if value == resource.RLIM_INFINITY else value
