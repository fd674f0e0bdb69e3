"""Every check, in the order in which a set-up comes to life. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from kull_mesh.doctor.checks import (
    accounts,
    clocks,
    hops,
    machine,
    rabbitmq,
    settings,
    store,
    tls,
)
from kull_mesh.doctor.facts import Facts
from kull_mesh.doctor.findings import Finding

Check = Callable[[Facts], list[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    settings.check,
    machine.check,
    tls.check,
    rabbitmq.check,
    accounts.check,
    store.check,
    hops.check,
    clocks.check,
)


def findings(facts: Facts) -> Iterator[Finding]:
    """Yield what every check finds."""
    for check in CHECKS:
        yield from check(facts)
