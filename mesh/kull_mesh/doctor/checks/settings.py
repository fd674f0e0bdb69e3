"""Settings that are wrong, or contradict each other. PURE."""

from __future__ import annotations

from typing import Final

from kull_mesh.doctor.facts import Configured, Facts
from kull_mesh.doctor.findings import Finding, Findings

TLS: Final = frozenset({"KULL_TLS_CA", "KULL_TLS_CERT", "KULL_TLS_KEY"})


def check(facts: Facts) -> list[Finding]:
    """Look at what is set for this role."""
    found, given = Findings("settings"), facts.configured
    for problem in given.problems:
        found.error(problem, "`kull config` shows each setting with its meaning")
    _tokens(given, found)
    if given.tls and given.tls < TLS:
        lacking = ", ".join(sorted(TLS - given.tls))
        found.error(f"TLS inside is half set: {lacking} is missing", "set all three, or none")
    if given.single_store and len(given.routers) > 1 and given.role == "router":
        found.error(
            f"{len(given.routers)} routers are named, and the store is a file for one",
            "set KULL_DATABASE_URL to a PostgreSQL, or name one router in KULL_EDGE_ROUTERS",
        )
    beyond = sorted(shard for shard in given.preferred if shard >= given.shard_count)
    if beyond:
        found.error(
            f"KULL_PREFERRED_SHARDS names {beyond[-1]}, and there are {given.shard_count} shards",
            f"name shards from 0 to {given.shard_count - 1}",
        )
    if given.publish_timeout > given.answer_timeout > 0:
        found.error(
            f"a gateway waits {given.publish_timeout:g} s for RabbitMQ and cuts an answer after "
            f"{given.answer_timeout:g} s",
            "set KULL_GATEWAY_ANSWER_TIMEOUT above KULL_GATEWAY_PUBLISH_TIMEOUT",
        )
    if not given.operators:
        found.error(
            "nobody could sign in to the console",
            "`kull keys add NAME --scope console:act`, or set KULL_OIDC_ISSUER",
        )
    if given.any_origin:
        found.warning("pages of any origin may connect and call", "name yours in KULL_ORIGINS")
    if not found.all:
        found.fine(f"those of a process of the role {given.role} go together")
    return found.all


def _tokens(given: Configured, found: Findings) -> None:
    if not given.verifies:
        found.error(
            "no device could connect: nothing verifies device tokens",
            "set KULL_TOKEN_SECRET, KULL_TOKEN_KEYS or KULL_TOKEN_JWKS_URL",
        )
    if given.two_key_sources:
        found.error(
            "public keys come from a file and from a URL",
            "set either KULL_TOKEN_KEYS or KULL_TOKEN_JWKS_URL",
        )
    if given.jwks_without_audience:
        found.error(
            "who signs at KULL_TOKEN_JWKS_URL may sign tokens for other services too",
            "set KULL_TOKEN_AUDIENCE",
        )
    if given.plain_tokens and (given.has_broker or given.role != "up"):
        found.warning(
            "plain tokens are accepted: anyone may connect as any user",
            "unset KULL_ALLOW_PLAIN_TOKENS",
        )
    if given.secrets_alike:
        found.warning(
            "device tokens and service tokens are signed with the same secret",
            "give KULL_SERVICE_SECRET a value of its own, or use `kull keys`",
        )
