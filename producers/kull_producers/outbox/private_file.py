"""Files that nobody but their owner may read: they hold people's events."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

MODE: Final = 0o600


def create(path: Path) -> None:
    """Create an empty file with MODE if there is none. Raises OSError.

    SQLite gives its mode to the files beside it. One that is there keeps what its owner has set;
    it is not even opened: closing it would drop the locks that SQLite has on it in this process.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))
