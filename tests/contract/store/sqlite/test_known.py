"""What the writer remembers of its rows is what they are, whatever was undone or removed."""

from __future__ import annotations

import random
from pathlib import Path

from kull_router.queues import rules
from kull_router.queues.entry import Contract, Event
from kull_router.queues.port import Retention
from kull_router.queues.sql import retention, rows, schema, terms
from kull_router.queues.sql.known import Known
from kull_router.queues.sql.sqlite_connection import SqliteConnection

BUDGETS = Retention(every_entries=5, latest_entries=3, entry_age=50, dedupe_age=20)
TABLES = ("queues", "latest", "every", "shards")


def opened(path: Path, *, alone: bool) -> SqliteConnection:
    db = SqliteConnection(path)
    schema.prepare(db, 4)
    db.known = Known(alone=alone)
    return db


def events(rng: random.Random, step: int, now_ms: int) -> list[Event]:
    """Return some of either contract; every third is a repeat, or may be."""
    return [
        Event(
            id=str(rng.randrange(400)) if rng.random() < 0.3 else f"n{step}-{number}",
            address=f"user:u{rng.randrange(4)}",
            type="T",
            contract=rng.choice([Contract.EVERY, Contract.LATEST]),
            body=b"{}",
            key=f"k{rng.randrange(5)}",
            version=rng.randrange(50),
            run=rng.choice(["", "a", "b"]),
            progress=rng.choice([-1, 0, 1, 5, 9]),
            final=rng.random() < 0.2,
            created_ms=now_ms - rng.randrange(30_000),
        )
        for number in range(rng.randrange(1, 8))
    ]


def test_a_writer_that_remembers_does_what_one_does_that_looks_up(tmp_path: Path) -> None:
    rng = random.Random(4)
    now_ms, term = 1_000_000, 1
    both = [opened(tmp_path / f"{alone}.db", alone=alone) for alone in (True, False)]
    for db in both:
        db.begin()
        terms.claim(db, shard=0, owner="router")
        db.commit()
    for step in range(500):
        now_ms += rng.randrange(4_000)
        kind, undone, new = rng.random(), rng.random() < 0.15, events(rng, step, now_ms)
        cutoffs = rules.cutoffs(BUDGETS, now_ms)
        answers: list[object] = []
        for db in both:
            db.begin()
            if kind < 0.75:
                wanted = rows.Append(shard=0, term=term, events=new, now_ms=now_ms)
                answers.append(repr(rows.append(db, [wanted], retention=BUDGETS)))
            elif kind < 0.8:
                answers.append(terms.claim(db, shard=0, owner="router"))
            elif kind < 0.9:
                answers.append(retention.trim_entries(db, [1, 2, 3, 4], cutoffs))
            else:
                trimmed = retention.trim_newest(db, cutoffs), retention.trim_ids(db, cutoffs)
                answers.append(trimmed)
            db.rollback() if undone else db.commit()
        assert answers[0] == answers[1], step
        if 0.75 <= kind < 0.8 and not undone:
            term += 1
    for table in TABLES:
        first, second = (db.query(f"SELECT * FROM {table}") for db in both)
        assert first == second, table
        assert first, table
    for db in both:
        db.close()
