"""What is to be said of a shard's devices and users on `kull.presence`. PURE.

    truth (the registry) ──▶ begun: kept in the store ──▶ published ──▶ told: kept, or forgotten

A word is kept with its generation before it is published, so that a router that dies in between
leaves it to the next owner, who says it again with the same generation, or a newer one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from kull_router.queues.presence_log import Told
from kull_router.status.changes import Key


class Words:
    """The newest word on each device and user of one shard, under one term.

    known: what the store has of the owners before.
    """

    def __init__(self, term: int, known: Iterable[Told]) -> None:
        self.term = term
        self._words = {Key(word.user, word.device): word for word in known}

    def __iter__(self) -> Iterator[Key]:
        return iter(list(self._words))

    def __contains__(self, key: Key) -> bool:
        return key in self._words

    def unconfirmed(self) -> list[Key]:
        """Return of whom a word was begun, but perhaps not said."""
        return [key for key, word in self._words.items() if not word.told]

    def next(self, key: Key, *, online: bool, at_ms: int, number: int) -> tuple[Told | None, bool]:
        """Return what to say of one now, None: nothing; and whether it is a new word.

        at_ms: since when it is there, or not. number: of this term, for a new word.
        """
        word = self._words.get(key)
        if word is None and not online:
            return None, False
        if word is not None and word.online == online:
            return (None if word.told else word), False
        new = Told(
            user=key.user,
            device=key.device,
            term=self.term,
            number=number,
            at_ms=at_ms,
            online=online,
        )
        return new, True

    def begin(self, word: Told) -> None:
        """A new word is kept in the store."""
        self._words[Key(word.user, word.device)] = word

    def confirm(self, word: Told) -> Told | None:
        """RabbitMQ has it; return what to keep of that, None: there is a newer word."""
        key = Key(word.user, word.device)
        if self._words.get(key) != word:
            return None
        told = replace(word, told=True)
        if word.online:
            self._words[key] = told
        else:
            del self._words[key]
        return told
