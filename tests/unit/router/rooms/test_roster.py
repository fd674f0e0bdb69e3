from __future__ import annotations

from kull_router.delivery.session_key import SessionKey
from kull_router.queues.port import DeviceInfo
from kull_router.rooms.roster import Changes, Member, Roster

NOTHING = Changes()


def info(user: str = "maya", device: str = "mac", name: str = "") -> DeviceInfo:
    return DeviceInfo(user=user, device=device, name=name, platform="macos", ephemeral=False)


def key(session: int, stream: int = 1) -> SessionKey:
    return SessionKey(stream, session)


def came(
    roster: Roster, session: int, who: DeviceInfo, counter: int = 1, *, since_ms: int = 100
) -> bool:
    return roster.enter(key(session), who, (1, counter), since_ms=since_ms)


def users(roster: Roster) -> list[str]:
    return [each.user for each in roster.members()]


def test_a_person_on_two_devices_is_one_member() -> None:
    roster = Roster()
    came(roster, 1, info(device="phone"))
    came(roster, 2, info(device="mac"), since_ms=200)

    (maya,) = roster.members()
    assert [each.device for each in maya.devices] == ["mac", "phone"]
    assert maya.since_ms == 100


def test_a_member_stays_until_the_last_device_has_left() -> None:
    roster = Roster()
    came(roster, 1, info(device="phone"))
    came(roster, 2, info(device="mac"))
    roster.changes()

    roster.leave(key(1), info(device="phone"))
    first = roster.changes()
    roster.leave(key(2), info(device="mac"))
    last = roster.changes()

    assert ([each.user for each in first.updated], first.left) == (["maya"], ())
    assert last.left == ("maya",)
    assert not roster


def test_a_late_leave_of_an_older_session_removes_no_newer_one() -> None:
    roster = Roster()
    came(roster, 1, info(), counter=1)
    came(roster, 2, info(), counter=2)
    roster.changes()

    roster.leave(key(1), info())
    assert not roster.lose(key(1), info())
    roster.expire(key(1), info())

    assert users(roster) == ["maya"]
    assert not roster.changes()


def test_an_older_session_does_not_take_the_place_of_a_newer_one() -> None:
    roster = Roster()
    came(roster, 2, info(), counter=2)

    assert not came(roster, 1, info(), counter=1)
    roster.leave(key(2), info())

    assert not roster


def test_who_lost_the_connection_stays_for_the_grace_and_who_is_back_stays_for_good() -> None:
    roster = Roster()
    came(roster, 1, info())
    roster.changes()

    assert roster.lose(key(1), info())
    assert users(roster) == ["maya"]
    came(roster, 2, info(), counter=2, since_ms=900)
    roster.expire(key(1), info())

    assert users(roster) == ["maya"]
    assert len(roster.changes()) == 0, "nobody has noticed anything"
    assert roster.lose(key(2), info())
    roster.expire(key(2), info())
    assert roster.changes().left == ("maya",)


def test_the_same_session_that_comes_again_is_not_lost_any_more() -> None:
    roster = Roster()
    came(roster, 1, info())
    roster.lose(key(1), info())
    came(roster, 1, info())

    roster.expire(key(1), info())

    assert users(roster) == ["maya"]


def test_the_newest_state_of_the_devices_that_are_there_counts() -> None:
    roster = Roster()
    came(roster, 1, info(device="mac"))
    came(roster, 2, info(device="phone"))
    roster.state(key(1), info(device="mac"), b'{"on":"mac"}', 10)
    roster.state(key(2), info(device="phone"), b'{"on":"phone"}', 20)
    assert roster.state_of("maya") == b'{"on":"phone"}'

    roster.state(key(1), info(device="mac"), b'{"late":1}', 5)
    assert roster.state_of("maya") == b'{"on":"phone"}', "it came late"

    roster.leave(key(2), info(device="phone"))
    assert roster.state_of("maya") == b'{"on":"mac"}'
    roster.state(key(1), info(device="mac"), b"", 30)
    assert roster.state_of("maya") == b""


def test_no_state_that_was_said_on_purpose_beats_an_older_state() -> None:
    roster = Roster()
    roster.enter(key(1), info(device="mac"), (1, 1), since_ms=1, state=b"{}", stated_ms=10)
    roster.enter(key(2), info(device="phone"), (1, 2), since_ms=1, stated_ms=20)

    assert roster.state_of("maya") == b""


def test_what_happens_between_two_looks_is_told_once_or_not_at_all() -> None:
    roster = Roster()
    came(roster, 1, info())
    came(roster, 9, info("otto"))
    roster.leave(key(9), info("otto"))
    for number in range(5):
        roster.state(key(1), info(), b'{"n":%d}' % number, number + 1)

    changes = roster.changes()

    assert [(each.user, each.state) for each in changes.joined] == [("maya", b'{"n":4}')]
    assert (changes.updated, changes.left, changes.touches) == ((), (), 8)
    assert roster.changes() == NOTHING


def test_who_came_first_is_told_first_and_keeps_when_it_came() -> None:
    roster = Roster()
    came(roster, 1, info("otto"), since_ms=200)
    came(roster, 2, info("maya"), since_ms=100)
    came(roster, 3, info("otto", "phone"), since_ms=150)

    assert [(each.user, each.since_ms) for each in roster.members()] == [
        ("maya", 100),
        ("otto", 150),
    ]


def test_neighbours_are_members_of_the_same_state() -> None:
    roster = Roster()
    for number in range(6):
        came(roster, number, info(f"user-{number}"))
        state = b'{"at":%d}' % (number % 2)
        roster.state(key(number), info(f"user-{number}"), state, 1)
    roster.leave(key(2), info("user-2"))

    near: list[Member] = roster.neighbours(b'{"at":0}', 20)

    assert [each.user for each in near] == ["user-0", "user-4"]
    assert len(roster.neighbours(b'{"at":1}', 2)) == 2
    assert roster.neighbours(b"", 20) == []
