from __future__ import annotations

from dataclasses import replace

from kull_router.queues.presence_log import Told
from kull_router.status.changes import Key
from kull_router.status.words import Words

MAC = Key("maya", "mac")
ONLINE = Told(user="maya", device="mac", term=1, number=4, at_ms=10, online=True, told=True)


def test_a_change_is_said_once() -> None:
    words = Words(2, [])
    assert words.next(MAC, online=False, at_ms=1, number=1) == (None, False)
    came, is_new = words.next(MAC, online=True, at_ms=2, number=2)
    assert came == Told(user="maya", device="mac", term=2, number=2, at_ms=2, online=True)
    assert is_new
    words.begin(came)
    assert words.confirm(came) == replace(came, told=True)
    assert words.next(MAC, online=True, at_ms=3, number=3) == (None, False)
    gone, is_new = words.next(MAC, online=False, at_ms=4, number=4)
    assert gone and is_new and (gone.term, gone.number, gone.online) == (2, 4, False)
    words.begin(gone)
    words.confirm(gone)
    assert MAC not in words


def test_who_was_told_to_be_online_and_still_is_is_no_news_to_the_next_owner() -> None:
    words = Words(2, [ONLINE])
    assert words.next(MAC, online=True, at_ms=20, number=1) == (None, False)
    assert words.unconfirmed() == []
    gone, is_new = words.next(MAC, online=False, at_ms=20, number=2)
    assert gone and is_new and (gone.term, gone.number) > (ONLINE.term, ONLINE.number)


def test_what_was_begun_is_said_again_as_it_was_unless_it_is_not_true_any_more() -> None:
    begun = replace(ONLINE, told=False)
    words = Words(2, [begun])
    assert words.unconfirmed() == [MAC]
    assert words.next(MAC, online=True, at_ms=20, number=1) == (begun, False)
    gone, is_new = words.next(MAC, online=False, at_ms=20, number=1)
    assert gone and is_new and not gone.online and gone.term == 2

    left = replace(begun, online=False)
    words = Words(2, [left])
    assert words.next(MAC, online=False, at_ms=20, number=1) == (left, False)
    back, is_new = words.next(MAC, online=True, at_ms=20, number=1)
    assert back and is_new and back.online, "nobody knows whether it was told to be offline"


def test_a_late_confirmation_does_not_hide_a_newer_word() -> None:
    words = Words(2, [])
    came, _ = words.next(MAC, online=True, at_ms=2, number=2)
    assert came
    words.begin(came)
    gone, _ = words.next(MAC, online=False, at_ms=3, number=3)
    assert gone
    words.begin(gone)
    assert words.confirm(came) is None
    assert words.unconfirmed() == [MAC]
