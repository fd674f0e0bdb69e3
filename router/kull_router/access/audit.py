"""What operators have done by way of the console. PURE.

`AuditLog` is the port to where all routers of a deployment keep it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

MAX_TEXT: Final = 500  # characters of each text; what is longer is cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that an operator did.

    Attributes:
        number: given by the store, growing; 0: not stored yet.
        at_ms: milliseconds since the Unix epoch.
        operator: who.
        name: what, e.g. `revoke`.
        target: whom or what it was done to.
        result: how it ended; empty: it was begun, and no more is known.
        key: made by whoever notes it, to note it again without an answer; empty: none.
    """

    operator: str
    name: str
    target: str
    at_ms: int
    result: str = ""
    key: str = ""
    number: int = 0


class AuditLog(Protocol):
    """What operators have done. Every call raises StoreUnavailable.

    Adapters: the stores of `queues`; `tests/contract/store/test_audit_log.py` has the suite.
    """

    async def note(self, action: Action) -> int:
        """Keep an action and return its number, higher than all before. Durable on return.

        With the key of one that is kept it changes nothing, and returns that one's number.
        """
        ...

    async def finish(self, number: int, result: str) -> None:
        """Note how an action ended, once: what has a result keeps it. Unknown ones are skipped."""
        ...

    async def actions(self, *, before: int = 0, limit: int = 100) -> Sequence[Action]:
        """Return actions with lower numbers than `before` (0: all), the newest first."""
        ...


def cut(text: str) -> str:
    """Return a text as it is kept."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
