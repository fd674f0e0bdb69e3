"""Ports that nobody listens on."""

from __future__ import annotations

import errno
import random
import socket
from itertools import chain
from typing import Final

_RANGE: Final = range(20_000, 32_768)  # below those that Linux gives to outgoing connections


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that is free and has been promised to no other caller, in any process.

    The UDP port of the same number is kept until this process ends: that is the promise.
    Raises OSError when there is none.
    """
    first = random.SystemRandom().choice(_RANGE)
    for port in chain(range(first, _RANGE.stop), range(_RANGE.start, first)):
        with socket.socket(type=socket.SOCK_DGRAM) as promise, socket.socket() as probe:
            try:
                promise.bind((host, port))
                probe.bind((host, port))
            except OSError:
                continue
            promise.detach()
            return port
    raise OSError(errno.EADDRINUSE, f"no port between {_RANGE[0]} and {_RANGE[-1]} is free")
