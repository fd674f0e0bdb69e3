"""What came of a campaign."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from tests.chaos.ledger import Ledger

# Seconds until a dead router's shards must deliver again, by kind of fault.
FAILOVER_WITHIN = {
    "serving router killed": 5.0,
    "serving router stopped and continued": 30.0,
    "serving router drained": 5.0,
}


@dataclass(slots=True)
class Report:
    """What came of it.

    Attributes:
        within: seconds until every shard must deliver again, by kind of fault.
        recoveries: seconds until every device was level, by kind of fault.
        pauses: seconds until every shard delivered what was published since the fault, by kind of
            fault, of those that take a router away.
        closed: why WebSockets closed during those.
        problems: what must not be, besides what the ledger finds.
    """

    ledger: Ledger
    within: Mapping[str, float] = field(default_factory=lambda: FAILOVER_WITHIN)
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    pauses: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    closed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        """Return everything that must not be."""
        closed = [f"a fault elsewhere closed a WebSocket: {reason}" for reason in self.closed]
        return self.problems + closed + self.ledger.violations()

    def slow(self) -> list[str]:
        """Return the failovers that took too long, which a busy machine explains as well."""
        return [
            f"'{kind}': deliveries paused for {seconds:.1f} s, more than {self.within[kind]} s"
            for kind, pauses in self.pauses.items()
            for seconds in pauses
            if seconds > self.within[kind]
        ]

    def print(self) -> None:
        """Print the figures."""
        console = Console(highlight=False, soft_wrap=True)
        table = Table("fault", "times", "recovered after, median", "worst")
        for kind, seconds in sorted(self.recoveries.items()):
            table.add_row(kind, str(len(seconds)), *_median_and_worst(seconds))
        console.print(table)
        for kind, seconds in sorted(self.pauses.items()):
            median, worst = _median_and_worst(seconds)
            console.print(
                f"{kind}: every shard delivered again after {median} (median), {worst} (worst)"
            )
        console.print(f"WebSockets closed by faults elsewhere: {len(self.closed)}")
        ledger = self.ledger
        console.print(
            f"accepted by the outbox {sum(ledger.confirmed.values())} events, "
            f"delivered {ledger.deliveries}, "
            f"lost {ledger.lost()}, out of order {ledger.out_of_order}, leaked {ledger.leaked}, "
            f"not recovered {ledger.not_recovered}, repeats {ledger.repeats}"
        )
        for problem in self.violations() + self.slow():
            console.print(f"VIOLATION: {problem}")


def _median_and_worst(seconds: Sequence[float]) -> tuple[str, str]:
    return f"{statistics.median(seconds):.1f} s", f"{max(seconds):.1f} s"
