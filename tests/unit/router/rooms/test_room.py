from __future__ import annotations

from itertools import count

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.session_key import SessionKey
from kull_router.queues.port import DeviceInfo
from kull_router.rooms.room import COUNT_INTERVAL, Room


class Told:
    """A room, and what was sent to its streams."""

    def __init__(self, *, limit: int = 10, quiet_until: float = 0.0) -> None:
        self.room = Room("room:a", 3, 7, limit=limit, quiet_until=quiet_until)
        self.slow: set[int] = set()
        self._numbers = count(1)

    def came(self, number: int, stream: int = 1, *, sees: bool = True, state: bytes = b"") -> None:
        key, who = SessionKey(stream, number), info(number)
        self.room.roster.enter(key, who, (1, number), since_ms=number, state=state, stated_ms=1)
        if sees:
            self.room.see(key, who.user)

    def left(self, number: int, stream: int = 1) -> None:
        self.room.blind(SessionKey(stream, number))
        self.room.roster.leave(SessionKey(stream, number), info(number))

    def tell(self, now: float = 100.0) -> dict[int, pb.Roster]:
        sent: dict[int, pb.Roster] = {}

        def send(stream: int, frame: pb.Roster) -> bool:
            if stream in self.slow:
                return False
            sent[stream] = frame
            return True

        self.room.tell(next(self._numbers), now, send)
        return sent


def info(number: int) -> DeviceInfo:
    return DeviceInfo(user=f"user-{number}", device="mac", name="", platform="", ephemeral=False)


def names(members: object) -> list[str]:
    return [each.user_id for each in members]  # type: ignore[attr-defined]


def test_an_edge_gets_all_once_and_then_what_has_changed() -> None:
    told = Told()
    told.came(1)
    first = told.tell()[1]
    told.came(2)
    second = told.tell()[1]

    assert (first.snapshot, names(first.joined), first.count) == (True, ["user-1"], 1)
    assert (second.snapshot, names(second.joined), second.count) == (False, ["user-2"], 2)
    assert (second.term, second.shard) == (7, 3)
    assert second.number > first.number


def test_an_edge_gets_one_frame_for_all_its_sessions_and_none_if_none_may_see() -> None:
    told = Told()
    for number in range(5):
        told.came(number, stream=1)
    told.came(8, stream=2, sees=False)

    sent = told.tell()

    assert list(sent) == [1]
    assert len(sent[1].joined) == 6, "who may not see is a member all the same"


def test_an_edge_that_comes_later_gets_all_while_others_get_what_has_changed() -> None:
    told = Told()
    told.came(1, stream=1)
    told.tell()
    told.came(2, stream=2)

    sent = told.tell()

    assert not sent[1].snapshot
    assert names(sent[1].joined) == ["user-2"]
    assert sent[2].snapshot
    assert names(sent[2].joined) == ["user-1", "user-2"]


def test_an_edge_that_was_too_slow_gets_all_when_it_keeps_up_again() -> None:
    told = Told()
    told.came(1)
    told.came(2, stream=2)
    told.tell()
    told.slow = {1}
    told.left(2, stream=2)
    told.came(3, stream=3)
    told.tell()
    assert told.room.waits

    assert list(told.tell()) == []
    told.slow = set()
    sent = told.tell()

    assert list(sent) == [1], "others are not told twice"
    assert sent[1].snapshot
    assert names(sent[1].joined) == ["user-1", "user-3"]
    assert not told.room.waits


def test_nothing_is_told_while_members_of_the_owner_before_may_come() -> None:
    told = Told(quiet_until=105.0)
    told.came(1)
    assert told.tell(100.0) == {}
    told.came(2)

    sent = told.tell(105.0)

    assert sent[1].snapshot
    assert names(sent[1].joined) == ["user-1", "user-2"]


def test_frames_know_of_a_session_from_the_number_on_that_it_was_promised() -> None:
    told = Told()
    told.came(1)
    promised = told.room.known_by
    first = told.tell()[1]
    assert first.number >= promised
    assert told.room.known_by == first.number


def test_of_a_large_room_only_the_count_is_told() -> None:
    told = Told(limit=2)
    for number in range(3):
        told.came(number)

    sent = told.tell()[1]

    assert (sent.partial, sent.count, len(sent.joined)) == (True, 3, 0)


def test_a_large_room_tells_its_count_now_and_then_and_neighbours_at_once() -> None:
    told = Told(limit=2)
    for number in range(4):
        told.came(number, state=b'{"at":%d}' % (number % 2))
    told.tell(100.0)
    told.came(4, state=b'{"at":0}')

    soon = told.tell(100.1)[1]
    assert soon.quiet
    (group,) = soon.neighbours
    assert list(group.sessions) == [4]
    assert names(group.members) == ["user-0", "user-2", "user-4"]
    assert told.room.waits, "the count is owed"

    later = told.tell(100.0 + COUNT_INTERVAL)[1]
    assert (later.quiet, later.count) == (False, 5)
    assert not told.room.waits


def test_a_count_that_only_some_were_told_is_made_good_though_it_is_the_old_one_again() -> None:
    told = Told(limit=2)
    for number in range(4):
        told.came(number)
    told.tell(100.0)
    told.left(3)
    told.room.ask(SessionKey(1, 0), "user-0")
    assert told.tell(100.1)[1].count == 3
    told.came(4, sees=False)
    told.tell(100.2)

    assert told.room.waits
    later = told.tell(101.5)[1]
    assert (later.quiet, later.count) == (False, 4)


def test_those_who_say_the_same_state_are_answered_with_one_list() -> None:
    told = Told(limit=2)
    for number in range(40):
        told.came(number)

    (group,) = told.tell()[1].neighbours

    assert len(group.sessions) == 40
    assert len(group.members) == 21


def test_a_room_that_is_small_again_is_told_whole() -> None:
    told = Told(limit=10)
    for number in range(11):
        told.came(number)
    assert told.tell()[1].partial

    told.left(10)
    assert told.tell(200.0)[1].partial, "not at the first who leaves"
    told.left(9)
    sent = told.tell(300.0)[1]

    assert not sent.partial
    assert sent.snapshot
    assert len(sent.joined) == 9


def test_a_room_that_is_large_again_tells_its_count_though_it_is_the_same_as_before() -> None:
    told = Told(limit=2)
    for number in range(3):
        told.came(number)
    told.tell(100.0)
    told.left(2)
    told.left(1)
    assert told.tell(102.0)[1].snapshot
    told.came(3, sees=False)
    told.came(4, sees=False)

    again = told.tell(104.0)[1]

    assert (again.partial, again.quiet, again.count) == (True, False, 3)


@pytest.mark.parametrize("stream", [1, 2])
def test_who_may_not_see_any_more_is_owed_nothing(stream: int) -> None:
    told = Told()
    told.came(1, stream=stream)
    told.tell()
    told.room.blind(SessionKey(stream, 1))
    told.came(2, sees=False)

    assert told.tell() == {}
    assert not told.room.waits
