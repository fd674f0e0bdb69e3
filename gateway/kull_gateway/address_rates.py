# Generated from protos/kull_protos/common/address_rates.py by `make contract`: do not edit.
"""How often each address may try, behind load balancers too; the clock passed in. PURE."""

from __future__ import annotations

from collections.abc import Sequence

from kull_gateway.client_address import Network, counted
from kull_gateway.rates import Buckets


class AddressRates:
    """A bucket for each address (IPv6: /64).

    Args:
        rate: attempts a second; 0: no limit.
        burst: attempts at once, above that.
        trusted: networks of proxies whose X-Forwarded-For is believed.
        unlimited: networks that are not counted.
    """

    def __init__(
        self,
        *,
        rate: float,
        burst: float,
        trusted: Sequence[Network] = (),
        unlimited: Sequence[Network] = (),
    ) -> None:
        self._buckets = Buckets(rate=rate, burst=burst)
        self._trusted, self._unlimited = trusted, unlimited

    def take(self, peer: str, forwarded: Sequence[str], now: float, *, of: str = "") -> float:
        """Count an attempt; return 0, else the seconds to wait.

        peer, forwarded: as in `client_address.client`. of: who tries, if that is known: others at
        the same address have attempts of their own.
        """
        address = counted(peer, forwarded, trusted=self._trusted, unlimited=self._unlimited)
        return self._buckets.take((address, of), now) if address else 0.0
