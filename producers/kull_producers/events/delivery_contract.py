"""How events of a type are kept. PURE."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Every:
    """Each event counts."""

    name: ClassVar[str] = "every"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """Only the newest event per key counts.

    Attributes:
        key: what it is of, with the event's fields in braces: `shoot:{shoot_id}`. All types share
            the keys of an address, so it begins with a word of its own.
        final: whether nothing more is to come for the key: always, never, or when the named fields
            have one of these values.
        progress: the field that counts up until then, a whole number from 0; empty: none does. What
            goes back comes late, and is dropped, unless the counting begins anew: see
            `kull_router.queues.newest`.
        anew: with these values of the named fields the counting begins, whatever `progress` says.
    """

    name: ClassVar[str] = "latest"
    key: str
    final: bool | Mapping[str, Collection[Any]] = False
    progress: str = ""
    anew: Mapping[str, Collection[Any]] = field(default_factory=dict)

    def key_of(self, fields: Mapping[str, Any]) -> str:
        """Return the key of an event with these fields, by their names in Python."""
        return self.key.format_map(fields)

    def is_final(self, fields: Mapping[str, Any]) -> bool:
        """Return whether nothing more is to come for the key of an event with these fields."""
        if isinstance(self.final, bool):
            return self.final
        return _match(fields, self.final)

    def progress_of(self, fields: Mapping[str, Any]) -> int | None:
        """Return how far what an event with these fields counts is; None: it counts nothing."""
        if not self.progress:
            return None
        if self.anew and _match(fields, self.anew):
            return 0
        return int(fields[self.progress])


def _match(fields: Mapping[str, Any], wanted: Mapping[str, Collection[Any]]) -> bool:
    return all(fields[name] in values for name, values in wanted.items())


@dataclass(frozen=True, slots=True)
class Ephemeral:
    """Each event counts now or never: it is not kept, and connected devices alone get it.

    It may get lost, and is dropped after 5 s on its way.
    """

    name: ClassVar[str] = "ephemeral"


Contract = Every | Latest | Ephemeral
