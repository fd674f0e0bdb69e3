"""How long what is stored is kept, and what differs in rooms of a kind. PURE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from kull_protos.contract import addresses

END: Final = ":"  # of a kind, in a room's name: `shoot:42`


class RoomKind(BaseModel):
    """What differs from all other queues in rooms of a kind; None: nothing does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_for: float | None = Field(None, gt=0)  # seconds
    keep_every_entries: int | None = Field(None, ge=1)
    keep_latest_entries: int | None = Field(None, ge=1)
    history: bool = False  # whether newcomers may ask for the last entries


Kinds = Mapping[str, RoomKind]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=f"^[^{END}]+$")]
_KINDS: Final = TypeAdapter(dict[_Name, RoomKind])


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept. Counts are per queue; ages are in seconds.

    kinds: rooms of which entries are kept otherwise.
    """

    every_entries: int = 1_000
    latest_entries: int = 1_000  # a budget of its own: progress ticks must not push credits out
    entry_age: float = 7 * 86_400
    dedupe_age: float = 86_400
    device_age: float = 30 * 86_400  # cursors of stable device ids
    ephemeral_device_age: float = 600  # of generated ids (browser tabs), after they disconnected
    action_age: float = 365 * 86_400  # what operators have done
    kinds: Kinds = field(default_factory=dict)

    def of(self, address: str) -> Retention:
        """Return what counts for the entries of one queue."""
        kind = self.kinds.get(kind_of(address)) if self.kinds else None
        return self if kind is None else self.of_kind(kind)

    def of_kind(self, kind: RoomKind) -> Retention:
        """Return what counts for the entries of a room of this kind."""
        return replace(
            self,
            every_entries=kind.keep_every_entries or self.every_entries,
            latest_entries=kind.keep_latest_entries or self.latest_entries,
            entry_age=kind.keep_for or self.entry_age,
            kinds={},
        )

    @property
    def seen_again_ms(self) -> int:
        """How old the note that a device was here may be, without being written again."""
        return int(min(self.device_age, self.ephemeral_device_age) * 1000 / 10)


def parse_kinds(text: str) -> Kinds:
    """Return the kinds in a JSON object, by name. Raises ValueError."""
    return _KINDS.validate_json(text)


def kind_of(address: str) -> str:
    """Return a room's kind, its name up to the first `:`; empty: it has none, or is no room."""
    kind, end, _ = address.removeprefix(addresses.ROOM).partition(END)
    return kind if end and addresses.is_room(address) else ""


def prefix_of(kind: str) -> str:
    """Return how the addresses of a kind's rooms begin, and no others."""
    return f"{addresses.ROOM}{kind}{END}"
