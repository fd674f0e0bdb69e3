"""Who may open a WebSocket: origins, addresses, and how many at once. PURE.

`now` is seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Final

from kull_edge.socket.config import AdmissionConfig
from kull_protos.common.client_address import counted, parse_networks
from kull_protos.common.origins import Origins
from kull_protos.common.rates import Buckets

RETRY_AFTER: Final = 30  # seconds: connections of an address do not end by the second


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeRequest:
    """What an upgrade request says about its sender; `peer` is the address at the other end.

    `hosts` and `forwarded` are the values of its headers Host and X-Forwarded-For.
    """

    peer: str
    hosts: Sequence[str]
    origin: str = ""
    forwarded: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """`why` is for metrics, `reason` for the sender, `retry_after` in seconds."""

    status: HTTPStatus
    why: str
    reason: str
    retry_after: int = 0


class Admission:
    """See the module's text. Connections are known by their numbers."""

    def __init__(
        self,
        config: AdmissionConfig,
        *,
        origins: Origins,
        unreadable: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`unreadable` is told what a trusted proxy says that is no address."""
        self._config = config
        self._unreadable = unreadable
        self._origins = origins
        self._trusted = parse_networks(config.trusted_proxies)
        self._unlimited = parse_networks(config.unlimited)
        self._attempts = Buckets(rate=config.attempts_per_address, burst=config.attempts_burst)
        self._inside: dict[int, str] = {}  # by address
        self._counts: Counter[str] = Counter()

    def admit(self, number: int, request: UpgradeRequest, now: float) -> Refusal | None:
        """A connection has sent its upgrade request. Return why it is refused, if it is."""
        if len(request.hosts) != 1:
            return Refusal(
                status=HTTPStatus.BAD_REQUEST,
                why="host",
                reason="a request has exactly one Host header (RFC 9112, 3.2)",
            )
        if not self._origins.allows(request.origin, request.hosts[0]):
            return Refusal(
                status=HTTPStatus.FORBIDDEN,
                why="origin",
                reason="pages of this origin may not connect: add it to KULL_ORIGINS if it is "
                "yours",
            )
        address = counted(
            request.peer,
            request.forwarded,
            trusted=self._trusted,
            unlimited=self._unlimited,
            unreadable=self._unreadable,
        )
        return self._count(number, address, now) if address else None

    def _count(self, number: int, address: str, now: float) -> Refusal | None:
        if wait := self._attempts.take(address, now):
            return Refusal(
                status=HTTPStatus.TOO_MANY_REQUESTS,
                why="attempts",
                reason="too many connection attempts from your address",
                retry_after=ceil(wait),
            )
        limit = self._config.connections_per_address
        if limit and self._counts[address] >= limit:
            return Refusal(
                status=HTTPStatus.TOO_MANY_REQUESTS,
                why="connections",
                reason=f"{limit} connections are open from your address already",
                retry_after=RETRY_AFTER,
            )
        self._inside[number] = address
        self._counts[address] += 1
        return None

    def left(self, number: int) -> None:
        """A connection is gone. Idempotent."""
        address = self._inside.pop(number, None)
        if address is not None:
            self._counts[address] -= 1
            if not self._counts[address]:
                del self._counts[address]
