"""CPU time and memory of process trees, read from /proc (Linux only)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds
_STATE, _PPID, _UTIME, _CSTIME = 0, 1, 11, 14  # fields after the name in /proc/PID/stat, proc(5)


def tree(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        fields = _stat(pid)
        if fields:
            children.setdefault(int(fields[_PPID]), []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_seconds(root: int) -> float:
    """Return what a tree has used, in user and system mode; of children that ended as well."""
    ticks = 0
    for pid in tree(root):
        fields = _stat(pid)
        ticks += sum(int(value) for value in fields[_UTIME : _CSTIME + 1])
    return ticks * TICK


def memory_bytes(root: int) -> int:
    """Return the resident memory of a tree; pages that it shares count in parts (PSS)."""
    total = 0
    for pid in tree(root):
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        pss = next((line for line in rollup.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
        total += int(pss.split()[1]) * 1024
    return total


def machine_seconds() -> float:
    """Return the CPU time that the whole machine has used."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    )
    return (user + nice + system + irq + softirq + steal) * TICK


class Roles:
    """The processes of a system by what they are for: `{"broker": [pid], "edge": [pid, pid]}`."""

    def __init__(self, pids: Mapping[str, list[int]]) -> None:
        self._pids = pids

    def pids(self, role: str) -> list[int]:
        """Return the processes of a role."""
        return self._pids[role]

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds of each role so far."""
        return {role: sum(map(cpu_seconds, pids)) for role, pids in self._pids.items()}

    def memory(self) -> dict[str, int]:
        """Return the resident bytes of each role now."""
        return {role: sum(map(memory_bytes, pids)) for role, pids in self._pids.items()}


def difference(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """Return what was added to each role."""
    return {role: after[role] - before[role] for role in after}


def _pids() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _stat(pid: int) -> list[str]:
    """Return the fields after the name, which may itself hold spaces; none if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
