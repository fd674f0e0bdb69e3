"""What was stored and dropped of one key, and whether it may have been. PURE.

It knows who has published an event by its id, and not by what the event says of itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kull_router.queues.entry import NO_PROGRESS, Event


@dataclass(slots=True)
class KeyHistory:
    """All that a key was told, in the order of arrival."""

    said: dict[str, int] = field(default_factory=dict)  # by speaker: the highest number stored
    newest: Event | None = None
    lately: set[str] = field(default_factory=set)  # who has spoken since the counting began

    def stored(self, event: Event) -> str:
        """Note an event that was stored; return what is wrong with that."""
        speaker, number = speaker_of(event)
        wrong = self._why_stale(event)
        if _begins(self.newest, event) or self._takes_up(event):
            self.lately.clear()
        self.lately.add(speaker)
        self.said[speaker] = max(number, self.said.get(speaker, number))
        self.newest = event
        return wrong and f"{event.id} of {event.key} was stored although {wrong}"

    def dropped(self, event: Event) -> str:
        """Return what is wrong with dropping an event as stale."""
        if self._why_stale(event) or self.newest is None:
            return ""
        return f"{event.id} of {event.key} was dropped: {self.newest.id} is newer by no rule"

    def _why_stale(self, event: Event) -> str:
        speaker, number = speaker_of(event)
        if number < self.said.get(speaker, number):
            return f"its publisher was at {self.said[speaker]}"
        if self._goes_back(event) and not _begins(self.newest, event) and not self._takes_up(event):
            return "its count goes back"
        return ""

    def _goes_back(self, event: Event) -> bool:
        newest = self.newest
        if newest is None or NO_PROGRESS in (newest.progress, event.progress):
            return False
        further = event.progress > newest.progress
        return not further and (event.progress < newest.progress or newest.final > event.final)

    def _takes_up(self, event: Event) -> bool:
        """After the end: by who has told it, or was not there."""
        newest, (speaker, _) = self.newest, speaker_of(event)
        if newest is None or not newest.final or not self._goes_back(event):
            return False
        return speaker == speaker_of(newest)[0] or speaker not in self.lately


def speaker_of(event: Event) -> tuple[str, int]:
    """Return who says it, and the number of it among what they say.

    Publishers name events `<process>/<number>`; what routers make has an id by chance.
    """
    line, slash, number = event.id.rpartition("/")
    return (line, int(number)) if slash else (event.run, event.version)


def _begins(newest: Event | None, event: Event) -> bool:
    return newest is not None and event.progress == 0
