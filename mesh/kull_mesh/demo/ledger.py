"""The billing service's own ledger, which the demo page buys at as well."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import Final

from kull_mesh.play.purse import Booking, NotEnough

EXAMPLES: Final = Path(__file__).parents[3] / "examples"


class LedgerPurse:
    """See `kull_mesh.play.purse.Purse`. Needs a checkout: the ledger is in `examples/`."""

    def __init__(self, path: Path) -> None:
        sys.path.append(str(EXAMPLES))
        import credit_ledger  # noqa: PLC0415 - it is there in a checkout only

        self._refused = credit_ledger.NotEnoughCredits
        self._ledger = credit_ledger.CreditLedger(path)

    def balance(self, user: str) -> int:
        """Return a user's credits."""
        return self._ledger.balance(user)

    def book(self, user: str, change: int, reason: str) -> Booking:
        """Change a balance. Raises NotEnough."""
        entry_id = f"page:{uuid.uuid4().hex}"
        try:
            entry = self._ledger.book(entry_id=entry_id, user=user, change=change, reason=reason)
        except self._refused as error:
            raise NotEnough(str(error)) from None
        return Booking(id=entry.id, balance=entry.balance)

    def told(self, booking: Booking) -> None:
        """Keep the billing service from telling it again, which would be harmless."""
        self._ledger.mark_told(booking.id)

    def close(self) -> None:
        """Close the file."""
        self._ledger.close()
