"""The fence: who owns a shard, and that nobody else writes to its queues. For both databases.

A claim raises the shard's term. Whoever writes says the term it was given: `fenced` compares it
with the stored one within the transaction that writes, and holds the shard's row until that has
ended, so that a claim waits for what is being committed, and a later write sees the claim.
"""

from __future__ import annotations

from collections.abc import Sequence

from kull_router.errors import Fenced
from kull_router.queues.sql.db import Db


def claim(db: Db, *, shard: int, owner: str) -> int:
    """See `Store.claim`."""
    ((term,),) = db.query(
        "INSERT INTO shards (shard, term, owner) VALUES (?, 1, ?) ON CONFLICT (shard) "
        "DO UPDATE SET term = shards.term + 1, owner = excluded.owner RETURNING term",
        (shard, owner),
    )
    db.known.note_term(shard, int(term))
    return int(term)


def fenced(db: Db, claims: Sequence[tuple[int, int]], *, hold: bool = True) -> list[Fenced | None]:
    """Return what to raise for each (shard, term) that is not current any more, None for others.

    hold: let nobody change the terms meanwhile. Who has only read need not: terms grow, so that
    one that is current afterwards was current before.
    """
    current = _current(db, {shard for shard, _ in claims}, db.share if hold else "")
    return [
        None if term == current.get(shard, 0) else Fenced(shard, term, current.get(shard, 0))
        for shard, term in claims
    ]


def _current(db: Db, shards: set[int], share: str) -> dict[int, int]:
    """Return the terms of those shards that have one."""
    known = db.known.terms(shards)
    # In one order, so that two routers never wait for each other.
    rows = db.look_up(
        "SELECT s.shard, s.term FROM {wanted} "  # noqa: S608 (no input)
        f"CROSS JOIN shards AS s ON s.shard = wanted.column1 ORDER BY s.shard {share}",
        [(shard,) for shard in shards if shard not in known],
    )
    for shard, term in rows:
        known[int(shard)] = int(term)
        db.known.note_term(int(shard), int(term))
    return known
