"""How many events per second each store takes, durably. Run: python bench/store_append.py

Batches of 1, 32 and 256 from 16 shards at once, half of the events `latest`, spread over 2,000
users. "memory" is the twin: what the planning alone costs. SQLite writes to --folder with full
syncs; its commits per second show the grouping. "journal" is what decision 14 weighs: one record
for each append and nothing else, in the same thread and transactions; no table is ever filled, so
it is the least that a journal would cost. PostgreSQL takes part when it is given an empty database
with --postgres URL (`python -m tests.support.postgres` starts one); the CPU of its server is not
counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kull_producers.contract.shard import shard_of
from kull_router.queues.entry import Contract, Event
from kull_router.queues.memory import MemoryStore
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.group_commit import Writer
from kull_router.queues.sql.postgres import PostgresStore
from kull_router.queues.sql.sqlite import SqliteStore
from kull_router.queues.sql.sqlite_connection import SqliteConnection

SHARDS = 16
USERS = 2_000
BODY = b'{"type":"SHOOT_PROGRESS","data":' + b"x" * 260 + b"}"
START_MS = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class Result:
    """What one run took."""

    events: int
    seconds: float
    cpu: float
    commits: int


def events_of(shard: int, users: list[str], seed: int) -> Iterator[Event]:
    """Yield events for one shard's users; ids are ordered by time, like UUIDv7."""
    rng = random.Random(seed)  # noqa: S311 (no secret)
    number = 0
    while True:
        number += 1
        latest = number % 2 == 0
        yield Event(
            id=f"0190{number:010x}-{shard:04d}-{rng.getrandbits(64):016x}",
            address=rng.choice(users),
            type="SHOOT_PROGRESS" if latest else "CREDIT_UPDATE",
            contract=Contract.LATEST if latest else Contract.EVERY,
            body=BODY,
            key=f"shoot:{rng.randrange(3)}" if latest else "",
            run="bench" if latest else "",
            version=number if latest else 0,
            created_ms=START_MS + number,
        )


class Appends(Protocol):
    """What is measured of a store."""

    async def claim(self, shard: int, owner: str) -> int:
        """See `Store.claim`."""
        ...

    async def append(
        self, shard: int, term: int, events: Sequence[Event], now_ms: int
    ) -> Sequence[object]:
        """See `Store.append`."""
        ...

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        ...


class Journal:
    """One row for each append, written like everything that SQLite's store writes."""

    def __init__(self, path: Path) -> None:
        db = SqliteConnection(path)
        db.begin()
        db.query("CREATE TABLE journal (number INTEGER PRIMARY KEY, record BLOB NOT NULL)")
        db.commit()
        self._writer = Writer(db)

    @property
    def commits(self) -> int:
        """How many transactions there were."""
        return self._writer.commits

    async def claim(self, shard: int, owner: str) -> int:
        """Return a term. Nothing is fenced here."""
        del shard, owner
        return 1

    async def append(
        self, shard: int, term: int, events: Sequence[Event], now_ms: int
    ) -> Sequence[object]:
        """Store a record of all that is needed to fill tables later."""
        about = [
            (
                each.id,
                each.address,
                each.type,
                each.contract.value,
                each.key,
                each.version,
                len(each.body),
            )
            for each in events
        ]
        head = json.dumps([shard, term, now_ms, about]).encode()
        record = b"".join((head, *(each.body for each in events)))
        return await self._writer.run_together(_record, record, size=len(record))

    async def aclose(self) -> None:
        """End the thread."""
        await self._writer.aclose()


def _record(db: Db, records: Sequence[bytes]) -> list[list[object]]:
    db.write("INSERT INTO journal (record) SELECT * FROM {wanted}", [(each,) for each in records])
    return [[]] * len(records)


async def run(store: Appends, batch: int, seconds: float) -> Result:
    """Append from all shards at once for some seconds."""
    by_shard: dict[int, list[str]] = {shard: [] for shard in range(SHARDS)}
    for user in range(USERS):
        address = f"user:user_{user}"
        by_shard[shard_of(address, SHARDS)].append(address)
    terms = {shard: await store.claim(shard, "bench") for shard in by_shard}
    commits = getattr(store, "commits", 0)
    started, cpu = time.perf_counter(), time.process_time()
    counts = [0] * SHARDS

    async def feed(shard: int) -> None:
        source = events_of(shard, by_shard[shard], batch)
        while time.perf_counter() - started < seconds:
            events = [next(source) for _ in range(batch)]
            await store.append(shard, terms[shard], events, START_MS)
            counts[shard] += batch
            await asyncio.sleep(0)  # the twin never gives way by itself

    async with asyncio.TaskGroup() as group:
        for shard in by_shard:
            group.create_task(feed(shard), name=f"feed-{shard}")
    return Result(
        events=sum(counts),
        seconds=time.perf_counter() - started,
        cpu=time.process_time() - cpu,
        commits=getattr(store, "commits", 0) - commits,
    )


async def measure(folder: Path, postgres: str | None, seconds: float) -> None:
    """Run the stores for each batch size and print a table."""
    print(f"{'batch':>5} {'store':>8} {'events/s':>10} {'cpu µs/event':>13} {'commits/s':>10}")
    for batch in (1, 32, 256):
        with tempfile.TemporaryDirectory(dir=folder) as inside:
            stores: dict[str, Appends] = {
                "memory": MemoryStore(shard_count=SHARDS),
                "sqlite": await SqliteStore.open(Path(inside) / "kull.db", shard_count=SHARDS),
                "journal": Journal(Path(inside) / "journal.db"),
            }
            if postgres is not None:
                stores["postgres"] = await PostgresStore.open(postgres, shard_count=SHARDS)
            for name, store in stores.items():
                result = await run(store, batch, seconds)
                await store.aclose()
                print(
                    f"{batch:>5} {name:>8} {result.events / result.seconds:>10,.0f} "
                    f"{1e6 * result.cpu / result.events:>13.1f} "
                    f"{result.commits / result.seconds:>10,.0f}"
                )


def main() -> int:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--seconds", type=float, default=3.0, help="per run")
    parser.add_argument("--postgres", metavar="URL", help="an empty database, which is filled")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.folder, arguments.postgres, arguments.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
