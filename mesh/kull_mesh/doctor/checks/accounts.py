"""The rights of RabbitMQ's accounts: what their roles need, and no more. PURE."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from kull_mesh.definitions import ROLES
from kull_mesh.doctor.facts import AccountSeen, Facts, Rights
from kull_mesh.doctor.findings import Finding, Findings
from kull_producers.events import topology
from kull_router.broker.layout import layout

# Names of others: a right to one of them is one too many.
FOREIGN: Final = ("somebody-elses", "amq.topic", "amq.default")
_DO: Final = "import what `kull definitions` prints, or set the permissions that it has"


def check(facts: Facts) -> list[Finding]:
    """Compare the account of KULL_AMQP_URL with its role."""
    found = Findings("accounts")
    seen = facts.rabbit.account if facts.rabbit else None
    if seen is None:
        found.skipped("there is no RabbitMQ to have an account at")
        return found.all
    if seen.rights is None:
        _made(seen, found)
    else:
        _compare(seen, seen.rights, facts.configured.shard_count, found)
    if seen.tags:
        found.warning(
            f"{seen.name} may use RabbitMQ's management ({', '.join(seen.tags)})",
            "take the tags away: no role needs them",
        )
    if not found.all:
        found.fine(f"{seen.name} may do what a {seen.role} needs, and nothing else")
    return found.all


def _made(seen: AccountSeen, found: Findings) -> None:
    if seen.made:
        found.warning(
            f"{seen.name} may create {', '.join(seen.made)}: no {seen.role} needs it", _DO
        )
    found.skipped(
        f"the rights of {seen.name} were only tried by creating something",
        "--rabbitmq-api http://ADMINISTRATOR:PASSWORD@HOST:15672 reads all of them",
    )


def _compare(seen: AccountSeen, rights: Rights, shard_count: int, found: Findings) -> None:
    wanted = layout(shard_count)
    names = {
        *(each.name for each in wanted.exchanges),
        *(each.name for each in wanted.queues),
        topology.shard_queue(0),
    }
    for right, needed in ROLES[seen.role].items():
        has = rights.get(right, "")
        lacking = sorted(each for each in names if _may(needed, each) and not _may(has, each))
        if lacking:
            found.error(f"{seen.name} lacks the right to {right} {_some(lacking)}", _DO)
        beyond = sorted(
            each for each in (*names, *FOREIGN) if _may(has, each) and not _may(needed, each)
        )
        if beyond:
            found.warning(f"{seen.name} may {right} {_some(beyond)}, which it needs not", _DO)


def _may(pattern: str, name: str) -> bool:
    """Tell whether RabbitMQ grants it: a pattern may match anywhere, an empty one is none."""
    if not pattern:
        return False
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


def _some(names: Iterable[str]) -> str:
    first, *others = names
    return first + (f" and {len(others)} more" if others else "")
