"""The close codes that metrics are split by: all others count together. PURE."""

from __future__ import annotations

from typing import Final

from kull_protos.common.measures import OTHER
from kull_protos.contract.close_codes import STANDARD_STOP, TRY_AGAIN, CloseCode

# 0: no close code at all. A device was not told to go, or its connection was cut.
CODES: Final = (
    str(TRY_AGAIN),
    *map(str, sorted(STANDARD_STOP)),
    *(str(int(code)) for code in CloseCode),
    OTHER,
)
