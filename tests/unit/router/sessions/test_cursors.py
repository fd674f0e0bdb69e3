from __future__ import annotations

from kull_router.queues.port import CursorUpdate
from kull_router.sessions.cursors import Cursors


def test_cursors_are_coalesced_and_never_go_back() -> None:
    cursors = Cursors()
    for seq in (3, 9, 4):
        cursors.move("user:a", "a", "mac", seq)
    cursors.move("all", "a", "mac", 1)

    assert cursors.take_of("a", "mac", "user:a") == [
        CursorUpdate(address="user:a", user="a", device="mac", seq=9)
    ]
    assert [update.address for update in cursors.take(10)] == ["all"]
    assert len(cursors) == 0
