"""Rows of the page's tables."""

from __future__ import annotations

from typing import Any

from kull_console.api import tables
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1.attach_pb2 import Device

QUEUE = pb.Queue(address="user:maya", head=9)


def known(device: str, *, cursor: int = 0, follows: bool = True, **more: Any) -> pb.KnownDevice:
    return pb.KnownDevice(device=Device(device_id=device), cursor=cursor, follows=follows, **more)


def test_a_device_that_two_routers_tell_of_is_one_row_and_connected_if_either_says_so() -> None:
    rows = tables.devices(
        [
            known("mac", cursor=4),
            known("ipad", follows=False),
            known("mac", cursor=4, connected=True, last_seen=5),
        ],
        QUEUE,
        {"mac": "edge-2"},
    )

    assert [(row["device"], row["connected"], row["edge"], row["behind"]) for row in rows] == [
        ("ipad", False, "", 0),
        ("mac", True, "edge-2", 5),
    ]
    assert rows[1]["lastSeen"] == 5


def test_what_is_older_than_a_device_does_not_count_as_behind() -> None:
    (row,) = tables.devices([known("mac", initial_head=7)], QUEUE, {})
    assert row["behind"] == 2


def test_an_entry_tells_who_has_acknowledged_it_and_for_whom_it_waits() -> None:
    devices = [
        known("mac", cursor=5),
        known("phone", cursor=4),
        known("new", initial_head=8),
        known("author", cursor=0),
        known("elsewhere", follows=False),
    ]
    row = tables.entry(pb.QueueEntry(seq=5, exclude_device_id="author"), devices)

    assert (row["acknowledgedBy"], row["waitingFor"]) == (["mac"], ["phone"])


def test_a_body_is_for_who_may_know_it_and_any_bytes_are_text() -> None:
    letter = pb.DeadLetter(id="x", body=b"\xff{", size=2)

    assert tables.letter(letter, 3, bodies=False)["body"] is None
    told = tables.letter(letter, 3, bodies=True)
    assert (told["body"], told["place"]) == ("\ufffd{", 3)


def test_the_furthest_behind_come_first_each_once() -> None:
    def answer(connected: bool) -> pb.ListBehindResponse:
        return pb.ListBehindResponse(
            devices=[
                pb.BehindDevice(user_id="a", device=known("x", connected=connected), behind=2),
                pb.BehindDevice(user_id="b", device=known("y"), behind=7),
            ]
        )

    rows = tables.behind([answer(False), answer(True)])

    assert [(row["user"], row["behind"], row["connected"]) for row in rows] == [
        ("b", 7, False),
        ("a", 2, True),
    ]
