"""What several routers answered, as one."""

from __future__ import annotations

from kull_console.mesh.snapshot import code_name, snapshot
from kull_protos.mesh.v1 import admin_pb2 as pb
from tests.unit.console.answers import NOW, overview


def test_edges_are_told_once_with_the_sessions_of_all_routers() -> None:
    found = snapshot(
        {
            "r-1:1": overview("r-1", owns=(0, 1), edges={"edge-1": 3, "edge-2": 1}, sessions=4),
            "r-2:1": overview("r-2", owns=(2,), edges={"edge-1": 2}, sessions=2),
        },
        {},
        took_ms=1.234,
    )

    assert [(each["id"], each["sessions"], each["routers"]) for each in found["edges"]] == [
        ("edge-1", 5, ["r-1", "r-2"]),
        ("edge-2", 1, ["r-1"]),
    ]
    assert (found["sessions"], found["tookMs"], found["at"]) == (6, 1.2, NOW)
    assert found["shards"] == {"count": 4, "unowned": [3]}


def test_what_is_not_known_is_not_told_as_zero() -> None:
    unknown = snapshot({"r-1:1": overview()}, {}, took_ms=0)
    assert (unknown["deadWaiting"], unknown["unroutedWaiting"], unknown["backlog"]) == (None,) * 3

    known = snapshot(
        {
            "r-1:1": overview(
                dead_waiting=0, backlog=pb.Backlog(devices=2, positions=9, partial=True)
            ),
            "r-2:1": overview("r-2", dead_waiting=3),
        },
        {},
        took_ms=0,
    )
    assert known["deadWaiting"] == 3
    assert known["backlog"] == {"devices": 2, "positions": 9, "partial": True}


def test_who_is_silent_is_told_and_nobody_need_answer() -> None:
    found = snapshot({}, {"r-1:1": "it is away"}, took_ms=2_000)

    assert (found["silent"], found["routers"], found["sessions"]) == (
        {"r-1:1": "it is away"},
        [],
        0,
    )


def test_health_says_what_is_wrong() -> None:
    (router,) = snapshot(
        {
            "r-1:1": overview(
                store=pb.Health(ok=False, problem="the disk is full"),
                broker=pb.Health(ok=False, blocked=True),
            )
        },
        {},
        took_ms=0,
    )["routers"]

    assert router["store"] == {"ok": False, "problem": "the disk is full", "ms": None}
    assert router["broker"]["problem"].startswith("blocked")


def test_close_codes_have_names() -> None:
    assert [code_name(code) for code in (4503, 0, 4999)] == ["replaced", "try again", ""]
