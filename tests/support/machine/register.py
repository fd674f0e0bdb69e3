"""What a run has found: looked for once, by whichever process of the run asks first."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from tests.support.machine.apt import CannotInstall
from tests.support.machine.outcome import Outcome, State
from tests.support.machine.programs import Program
from tests.support.machine.things import THINGS, Thing


class Register:
    """The outcomes of a run, in a file that its processes share."""

    def __init__(self, folder: Path, things: Mapping[str, Thing] = THINGS) -> None:
        self._file = folder / "things.json"
        self._lock = folder / "things.lock"
        self._things = things

    def provide(self, names: Iterable[str]) -> dict[str, Outcome]:
        """Find these things, or install them, unless this was done in this run already.

        Whoever else asks meanwhile waits for the answer.
        """
        wanted = set(names)
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self.known()
            for name in self._things:  # in their own order
                if name in wanted:
                    self._have(name, known)
            self._file.write_text(json.dumps({name: asdict(each) for name, each in known.items()}))
        return {name: each for name, each in known.items() if name in wanted}

    def known(self) -> dict[str, Outcome]:
        """Return what was looked for so far."""
        if not self._file.exists():
            return {}
        found = json.loads(self._file.read_text())
        return {
            name: Outcome(**{**each, "state": State(each["state"])}) for name, each in found.items()
        }

    def _have(self, name: str, known: dict[str, Outcome]) -> Outcome:
        if name not in known:
            known[name] = self._look(self._things[name], known)
        return known[name]

    def _look(self, thing: Thing, known: dict[str, Outcome]) -> Outcome:
        state = State.FOUND
        try:
            found = thing.find()
            if found is None:
                state = State.INSTALLED
                found = self._install(thing, known)
        except CannotInstall as error:
            why = f"{error}: {thing.help}"
            return Outcome(title=thing.title, state=State.MISSING, why=why)
        return Outcome(title=thing.title, state=state, version=found.version, place=found.place)

    def _install(self, thing: Thing, known: dict[str, Outcome]) -> Program:
        for name in thing.requires:
            if not (needed := self._have(name, known)).there:
                raise CannotInstall(f"{needed.title} is not there")
        thing.install()
        found = thing.find()
        if found is None:
            raise CannotInstall("it was installed, and is not there")
        return found
