"""What is counted of the store: commits, what they hold, what retention removes. PURE."""

from __future__ import annotations

from typing import Final

from kull_protos.common.measures import DURATION, SIZES, Count, Histogram, counter, histogram

COMMIT_SECONDS: Final = histogram(
    "kull_router_store_commit_seconds",
    "Transactions that write, from their begin to their commit",
    DURATION,
)
COMMIT_JOBS: Final = histogram(
    "kull_router_store_commit_jobs",
    "Jobs that shared a transaction: batches of events, subscriptions, steps of cursors",
    SIZES,
)
COMMITTED: Final = counter(
    "kull_router_store_committed_bytes_total", "Bytes of events in transactions that were committed"
)
FAILED: Final = counter(
    "kull_router_store_failures_total", "Calls that were tried again, as the store did not answer"
)
CURSORS: Final = counter(
    "kull_router_store_cursors_total", "Positions of devices that were written"
)
RETENTION_SECONDS: Final = histogram(
    "kull_router_retention_seconds",
    "Retention sweeps, with all that went in between their steps",
    (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300),
)
REMOVED: Final = counter(
    "kull_router_retention_removed_total", "Entries, ids and devices that sweeps removed"
)


class StoreMeasures:
    """Counts per transaction and per sweep. Its writer's thread counts the commits."""

    def __init__(self) -> None:
        self.commit_seconds = Histogram(COMMIT_SECONDS)
        self.commit_jobs = Histogram(COMMIT_JOBS)
        self.committed = Count(COMMITTED)
        self.failed = Count(FAILED)
        self.cursors = Count(CURSORS)
        self.retention_seconds = Histogram(RETENTION_SECONDS)
        self.removed = Count(REMOVED)

    def swept(self, seconds: float, removed: int) -> None:
        """A retention sweep took so long, and removed so many entries, ids and devices."""
        self.retention_seconds.observe(seconds)
        self.removed.value += removed

    def commit(self, seconds: float, jobs: int, size: int) -> None:
        """A transaction took so long, with so many jobs and bytes of events."""
        self.commit_seconds.observe(seconds)
        self.commit_jobs.observe(jobs)
        self.committed.value += size
