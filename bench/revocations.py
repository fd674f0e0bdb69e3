"""What a look for new revocations takes while many are in force: `python -m bench.revocations`.

Fills a store with 1,000 and then 1,000,000 revocations of single tokens, reads them as a router
that starts does, and takes the times of 1,000 looks that find nothing, as a running router does
four times a second, and of checking a token. SQLite; PostgreSQL as well when it is given an empty
database with --postgres URL (`python -m tests.support.postgres` starts one).
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kull_router.access.authority import Authority
from kull_router.access.tokens import Claims, TokenVerifier
from kull_router.clock import Clock
from tests.support.revocations import many_revocations
from tests.support.store_tables import PostgresTables, SqliteTables, Tables
from tests.support.stores import opened

COUNTS = (1_000, 1_000_000)
LOOKS = 1_000
NEVER = 2**62


async def measure(name: str, tables: Tables) -> None:
    """Print a line for each count."""
    async with opened(tables.disk):
        pass
    there = 0
    for count in COUNTS:
        tables.run(many_revocations(tables, count - there, until_ms=NEVER))
        there = count
        async with opened(tables.disk) as log:
            _line(name, count, await _looks(log))


async def _looks(log: Any) -> dict[str, float]:
    authority = Authority(
        log=log,
        verifier=TokenVerifier(None, allow_plain=True),
        clock=Clock(),
        grace=30,
        max_ttl=60,
    )
    memory, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    while await authority.news():
        pass
    loaded = time.perf_counter() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    looks, on_loop = [], time.thread_time()
    for _ in range(LOOKS):
        began = time.perf_counter()
        await authority.news()
        looks.append(time.perf_counter() - began)
    on_loop = time.thread_time() - on_loop
    claims = Claims(user="maya", device="mac", token_id="t")  # noqa: S106 (no secret)
    began = time.perf_counter()
    for _ in range(LOOKS):
        authority.check(claims, "mac")
    return {
        "read at the start, s": loaded,
        "memory, MB": grown / 1024,
        "a look, ms (median)": statistics.median(looks) * 1000,
        "of it the event loop, ms": on_loop / LOOKS * 1000,
        "a token's check, us": (time.perf_counter() - began) / LOOKS * 1e6,
    }


def _line(name: str, count: int, figures: dict[str, float]) -> None:
    told = "  ".join(f"{what}: {value:.3f}" for what, value in figures.items())
    sys.stdout.write(f"{name:<10} {count:>9,}  {told}\n")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", help="URL of an empty database")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure("SQLite", SqliteTables(Path(folder))))
    if options.postgres:
        asyncio.run(measure("PostgreSQL", PostgresTables(options.postgres)))


if __name__ == "__main__":
    main()
