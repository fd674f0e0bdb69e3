from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from last_seen.seen import LastSeen, Seen


def word(kind: str, term: int, number: int, at: int = 5, device: str = "mac") -> dict[str, Any]:
    named = {"deviceId": device} if kind.startswith("device") else {}
    return {"type": kind, "userId": "maya", **named, "generation": [term, number], "at": at}


@pytest.mark.parametrize("seed", range(20))
def test_the_newest_word_counts_in_whatever_order_and_however_often_they_come(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    words = [
        word("device.online", 1, 9, at=1),
        word("device.offline", 1, 11, at=2),
        word("device.online", 2, 1, at=3),
        word("device.offline", 2, 4, at=4),
        word("user.online", 1, 10, at=1),
        word("user.offline", 2, 5, at=4),
    ]
    told = words * 2
    rng.shuffle(told)
    seen = LastSeen(tmp_path / "seen.db")
    for each in told:
        seen.note(each)
    assert seen.all() == [
        Seen(user="maya", device="", online=False, at=4),
        Seen(user="maya", device="mac", online=False, at=4),
    ]
    seen.close()


def test_what_it_does_not_know_changes_nothing(tmp_path: Path) -> None:
    seen = LastSeen(tmp_path / "seen.db")
    assert not seen.note({"type": "room.join", "userId": "maya", "generation": [1, 1], "at": 5})
    assert not seen.note({})
    assert seen.all() == []
    seen.close()
