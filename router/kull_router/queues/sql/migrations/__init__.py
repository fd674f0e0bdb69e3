"""Numbered changes of the tables: one SQL for both databases, a file each.

A file that was released never changes; the next change is the next number. Where the databases
differ a file has a `$word`, which each connection spells out (`Connection.words`). A file holds
whole statements that end with `;`, and comments on lines of their own.

Routers of the version before go on writing while the first new one migrates: a column that is added
needs a default, and nothing is dropped or renamed that the version before still uses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Final

_COMMENT: Final = re.compile(r"^\s*--.*$", re.MULTILINE)
_FILE: Final = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a schema to the next: `number` is the schema's when it is done."""

    number: int
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"

    def statements(self, words: Mapping[str, str]) -> list[str]:
        """Return its statements in a database's own words."""
        text = Template(_COMMENT.sub("", self.text)).substitute(words)
        return [statement.strip() for statement in text.split(";") if statement.strip()]


def shipped() -> tuple[Migration, ...]:
    """Return the migrations of this version, in order."""
    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    found = [(match, file) for file in files if (match := _FILE.fullmatch(file.name))]
    return tuple(
        Migration(int(match[1]), match[2], file.read_text("utf-8")) for match, file in found
    )


MIGRATIONS: Final = shipped()
