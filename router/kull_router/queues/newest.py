"""Which event of a key is the newest, whatever the clocks of those who publish say. PURE.

A publisher numbers what it says: of one run of a publisher a lower number is old. Between runs what
arrives later is newer. One thing more is known of what counts something (a shoot's photographs): a
count that goes back is late news, unless the counting has begun anew.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from kull_router.queues.entry import NO_PROGRESS, Event

RUNS_KEPT: Final = 16  # per key; of a run that is forgotten anything may come again


class Heard(NamedTuple):
    """The last of what a run of a publisher has said of a key.

    `lately`: since the counting began.
    """

    run: str
    version: int
    lately: bool


class Newest(NamedTuple):
    """The newest of a key, remembered when its entry is gone.

    Attributes:
        seq: of its entry, 0 when retention has removed that.
        run, progress, final: see `Event`.
        heard: the runs of publishers that have spoken, the one that did last at the end.
    """

    seq: int
    run: str = ""
    progress: int = NO_PROGRESS
    final: bool = False
    heard: tuple[Heard, ...] = ()

    @classmethod
    def first(cls, event: Event, seq: int) -> Newest:
        """Return what is known of a key after its first event."""
        return _NOTHING.followed_by(event, seq)

    def outdates(self, event: Event) -> bool:
        """Whether an event that arrives is older than this."""
        said = self._said_by(event.run)
        if said is not None and event.version < said.version:
            return True
        if said is not None and event.version == said.version and event.run != self.run:
            return True  # it was the newest once, and something else came since
        return self._goes_back(event) and not self._begins_anew(event)

    def followed_by(self, event: Event, seq: int) -> Newest:
        """Return what is known after an event that this does not outdate, stored at `seq`."""
        others = [each for each in self.heard if each.run != event.run]
        if others and self._begins_anew(event):
            others = [each._replace(lately=False) for each in others]
        if event.run:
            others.append(Heard(event.run, event.version, lately=True))
        heard = tuple(others[-RUNS_KEPT:])
        return Newest(seq, event.run, event.progress, event.final, heard)

    def without_entry(self) -> Newest:
        """Return the same after retention has removed the entry."""
        return self._replace(seq=0)

    def _said_by(self, run: str) -> Heard | None:
        """What a run has said; of whoever names none nothing is known."""
        return next((each for each in self.heard if run and each.run == run), None)

    def _goes_back(self, event: Event) -> bool:
        if NO_PROGRESS in (self.progress, event.progress):
            return False
        return (event.progress, event.final) < (self.progress, self.final)

    def _begins_anew(self, event: Event) -> bool:
        """Whether the counting begins: at 0, or after its end by whoever is not only behind.

        That is the run that has told the end, or one that had not spoken since the beginning.
        """
        own = event.run != "" and event.run == self.run
        if event.late and not own:
            return False
        if event.progress == 0:
            return True
        if not self.final or not event.run or not self._goes_back(event):
            return False
        said = self._said_by(event.run)
        return own or said is None or not said.lately


_NOTHING: Final = Newest(seq=0)
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


def text_of(heard: tuple[Heard, ...]) -> str:
    """Return what a database keeps of them."""
    return _encode(heard)


def heard_of(text: str) -> tuple[Heard, ...]:
    """Return what `text_of` was given."""
    return tuple(Heard(*each) for each in json.loads(text))
