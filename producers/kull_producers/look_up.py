"""The addresses that hosts stand for now."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address


async def look_up(hosts: Sequence[tuple[str, int]], rng: random.Random) -> list[tuple[int, str]]:
    """Return every address of every host and port, with the number of the host in the list.

    In random order: those that are left share the load. Names are looked up anew each time; a host
    that is not known is left out. Raises OSError when none is known.
    """
    answers = await asyncio.gather(*(_addresses(*each) for each in hosts), return_exceptions=True)
    found: list[tuple[int, str]] = []
    unknown: OSError | None = None
    for number, answer in enumerate(answers):
        if isinstance(answer, OSError):
            unknown = answer
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found += [(number, address) for address in answer]
    if not found and unknown:
        raise unknown
    rng.shuffle(found)
    return found


async def _addresses(host: str, port: int) -> list[str]:
    with suppress(ValueError):
        return [str(ip_address(host))]  # which needs no look-up, nor a thread for it
    told = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in told))
