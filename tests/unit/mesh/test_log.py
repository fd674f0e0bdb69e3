"""Logging neither fails nor floods."""

from __future__ import annotations

import io
import logging
from typing import Any, cast

import pytest
import structlog

from kull_mesh.log import Lossy, ToStructlog, escaped


class Full(io.StringIO):
    """A disk without room."""

    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_a_line_that_cannot_be_written_is_lost_and_the_next_ones_are_written_again() -> None:
    disk = Full()
    logger = structlog.PrintLogger(cast(Any, Lossy(disk)))

    logger.info("lost")
    disk.full = False
    logger.info("written")
    disk.close()
    logger.info("nobody reads it any more")

    with pytest.raises(ValueError, match="closed"):
        disk.getvalue()


def test_what_is_written_after_the_disk_has_room_is_there() -> None:
    disk = Full()
    logger = structlog.PrintLogger(cast(Any, Lossy(disk)))
    logger.info("lost")
    disk.full = False

    logger.info("written")

    assert disk.getvalue() == "written\n"


def test_what_a_terminal_would_obey_is_written_out_in_every_text_of_a_line() -> None:
    line = {"event": "dead_letter\x1b[2J", "reason": "a\x1b]0;pwned\x07b", "count": 3}

    shown = escaped(None, "info", line)

    assert shown == {
        "event": r"dead_letter\x1b[2J",
        "reason": r"a\x1b]0;pwned\x07b",
        "count": 3,
    }


def test_a_library_s_line_that_cannot_be_put_together_is_told_and_raises_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    library = logging.getLogger(f"{__name__}.library")
    library.propagate = False
    library.addHandler(ToStructlog())

    library.warning("%d items", "x")

    assert "Logging error" in capsys.readouterr().err
