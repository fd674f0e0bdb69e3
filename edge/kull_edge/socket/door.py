"""Who may connect at all: origins, addresses, and how many at once. PURE.

`now` is seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Final

from kull_edge.socket.client_address import Network, client, neighbourhood, within
from kull_protos.common.origins import Origins
from kull_protos.common.rates import Buckets

# Well above what one turn of the event loop accepts: in a stampede requests are read a turn later.
DEFAULT_HANDSHAKES: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorConfig:
    """Limits of the door.

    Attributes:
        origins: web pages that may connect.
        trusted_proxies: whose X-Forwarded-For is believed.
        unlimited: networks that the limits by address do not count.
        connections: WebSockets at once from one address; 0: no limit.
        attempt_rate, attempt_burst: upgrade requests of one address, per second and at once.
        handshakes: connections that have not sent their request yet.
    """

    origins: Origins = field(default_factory=Origins)
    trusted_proxies: Sequence[Network] = ()
    unlimited: Sequence[Network] = ()
    connections: int = 0
    attempt_rate: float = 0.0
    attempt_burst: float = 1.0
    handshakes: int = DEFAULT_HANDSHAKES


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """What an upgrade request says about its sender."""

    peer: str
    host: str = ""
    origin: str = ""
    forwarded: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """A refusal: `why` is for metrics, `reason` for the sender, `retry_after` in seconds."""

    status: HTTPStatus
    why: str
    reason: str
    retry_after: int = 0


class Door:
    """See the module's text. Connections are known by their numbers."""

    def __init__(self, config: DoorConfig) -> None:
        self._config = config
        self._attempts = Buckets(rate=config.attempt_rate, burst=config.attempt_burst)
        self._waiting: dict[int, None] = {}  # in order of arrival
        self._inside: dict[int, str] = {}  # by address
        self._counts: Counter[str] = Counter()

    def arrived(self, number: int) -> int | None:
        """A connection is there. Return whom to cut: the one that has dawdled the longest."""
        self._waiting[number] = None
        if len(self._waiting) <= self._config.handshakes:
            return None
        oldest = next(iter(self._waiting))
        del self._waiting[oldest]
        return oldest

    def admit(self, number: int, visitor: Visitor, now: float) -> Turned | None:
        """A connection has sent its upgrade request. Return why it is refused, if it is."""
        self._waiting.pop(number, None)
        if not self._config.origins.allows(visitor.origin, visitor.host):
            return Turned(
                status=HTTPStatus.FORBIDDEN,
                why="origin",
                reason="pages of this origin may not connect: add it to KULL_ORIGINS if it is "
                "yours",
            )
        address = client(visitor.peer, visitor.forwarded, self._config.trusted_proxies)
        if address is None or within(address, self._config.unlimited):
            return None
        return self._count(number, neighbourhood(address), now)

    def _count(self, number: int, address: str, now: float) -> Turned | None:
        if wait := self._attempts.take(address, now):
            return Turned(
                status=HTTPStatus.TOO_MANY_REQUESTS,
                why="attempts",
                reason="too many connection attempts from your address",
                retry_after=ceil(wait),
            )
        limit = self._config.connections
        if limit and self._counts[address] >= limit:
            return Turned(
                status=HTTPStatus.TOO_MANY_REQUESTS,
                why="connections",
                reason=f"{limit} connections are open from your address already",
                retry_after=30,
            )
        self._inside[number] = address
        self._counts[address] += 1
        return None

    def left(self, number: int) -> None:
        """A connection is gone. Idempotent."""
        self._waiting.pop(number, None)
        address = self._inside.pop(number, None)
        if address is not None:
            self._counts[address] -= 1
            if not self._counts[address]:
                del self._counts[address]
