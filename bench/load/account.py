"""Who the devices are, and what they have seen. PURE."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One device: `url` is where it connects, `token` what its dialect presents."""

    name: str
    user: str
    token: str
    url: str


@dataclass(slots=True)
class Tally:
    """What the devices of one process have seen. `latencies`: µs from the publisher, if kept."""

    repeats: int = 0
    disordered: int = 0
    lost_connections: int = 0
    latencies: array[int] = field(default_factory=lambda: array("q"))
