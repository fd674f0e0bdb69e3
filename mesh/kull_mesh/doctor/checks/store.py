"""The store: in reach, of this version's schema, made for as many shards. PURE."""

from __future__ import annotations

from kull_mesh.doctor.facts import Facts
from kull_mesh.doctor.findings import Finding, Findings


def check(facts: Facts) -> list[Finding]:
    """Look at the store of a router's settings."""
    found, seen = Findings("store"), facts.store
    if seen is None:
        found.skipped("only routers have one")
        return found.all
    if seen.problem:
        found.error(f"{seen.where}: {seen.problem}", "mend KULL_DATABASE_URL or KULL_DATA")
        return found.all
    if seen.pending:
        found.warning(
            f"{seen.where} has schema {seen.schema}, {len(seen.pending)} steps are to come",
            "a router that starts takes them, or `kull store migrate`; make a backup first",
        )
    wanted = facts.configured.shard_count
    if seen.shard_count != wanted:
        found.error(
            f"{seen.where} was made for {seen.shard_count} shards, {wanted} are configured",
            f"set KULL_SHARD_COUNT={seen.shard_count}",
        )
    if not found.all:
        found.fine(f"{seen.where} has schema {seen.schema} and {wanted} shards")
    return found.all
