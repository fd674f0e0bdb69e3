"""What an Idempotency-Key was used for, so that another use is noticed. PURE.

A key belongs to the service that calls and to the route: others may have the same one.
The router drops repeats by itself, on all gateways; this only tells a repeat from a mistake.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

MAX_KEYS: Final = 20_000
KEEP: Final = 86_400.0  # seconds, as long as routers remember ids


class Conflict(Exception):
    """The service has used the key for another request."""


class Used:
    """The newest keys, each with a fingerprint of its request."""

    def __init__(self, *, max_keys: int = MAX_KEYS, keep: float = KEEP) -> None:
        self._max_keys = max_keys
        self._keep = keep
        self._seen: OrderedDict[tuple[str, str, str], tuple[bytes, float]] = OrderedDict()

    def check(self, service: str, path: str, key: str, *, body: bytes, now: float) -> None:
        """Note a service's key on a route. Raises Conflict if it was used for another body."""
        while self._seen and next(iter(self._seen.values()))[1] <= now:
            self._seen.popitem(last=False)
        fingerprint = hashlib.sha256(body).digest()
        place = (service, path, key)
        before = self._seen.get(place)
        if before and before[0] != fingerprint:
            raise Conflict(
                "this Idempotency-Key was used for another request: take a new key for new "
                "content, and repeat a request byte by byte"
            )
        self._seen[place] = (fingerprint, now + self._keep)
        self._seen.move_to_end(place)  # the next to be forgotten is always the first
        if len(self._seen) > self._max_keys:
            self._seen.popitem(last=False)
