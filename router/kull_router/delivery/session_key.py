"""What tells one session from another, and which of two is the newer one. PURE."""

from __future__ import annotations

from dataclasses import dataclass

Generation = tuple[int, int]  # (term of the user's shard, counter); the higher one is the newer


@dataclass(frozen=True, slots=True)
class SessionKey:
    """A session, known by the stream it came on: edges keep their names when streams die."""

    stream: int
    session: int
