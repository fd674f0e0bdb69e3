"""This machine: room on its disks, and descriptors for as many connections. PURE."""

from __future__ import annotations

from typing import Final

from kull_mesh.doctor.facts import Facts
from kull_mesh.doctor.findings import Finding, Findings

MIB: Final = 2**20
FULL: Final = 100 * MIB
SCARCE: Final = 1024 * MIB
SCARCE_SHARE: Final = 0.05
RESERVE: Final = 256  # beside connections: files, the store, RabbitMQ, links
FEW: Final = 1024


def check(facts: Facts) -> list[Finding]:
    """Look at what runs out."""
    found = Findings("machine")
    for disk in facts.disks:
        if disk.problem:
            found.error(
                f"{disk.what}, {disk.path}: {disk.problem}", "make the folder, or its rights"
            )
            continue
        told = f"{disk.free // MIB} MiB are free for {disk.what} ({disk.path})"
        if disk.free < FULL:
            found.error(told, "make room: what cannot be stored waits in RabbitMQ, or is refused")
        elif disk.free < SCARCE and disk.free < SCARCE_SHARE * disk.total:
            found.warning(told, "make room")
    limit, wanted = facts.descriptors, facts.configured.connections
    if limit and wanted and limit < wanted + RESERVE:
        found.warning(
            f"{limit} files may be open, and the edge is set to {wanted} connections",
            "raise `ulimit -Hn` (LimitNOFILE=), or lower KULL_EDGE_MAX_CONNECTIONS",
        )
    elif limit and limit < FEW:
        found.warning(f"only {limit} files may be open", "raise `ulimit -Hn` (LimitNOFILE=)")
    if not found.all:
        least = min((disk.free for disk in facts.disks), default=0)
        room = f"{least // MIB} MiB are free, and " if facts.disks else ""
        found.fine(f"{room}{limit or 'any number of'} files may be open")
    return found.all
