"""Curves come from counters that grow; a router that starts anew makes no spike."""

from __future__ import annotations

from kull_console.mesh.history import MINUTES, History, Point
from kull_protos.mesh.v1 import admin_pb2 as pb
from tests.unit.console.answers import NOW, overview


def add(history: History, now: float, *answers: pb.OverviewResponse) -> Point | None:
    return history.add({str(n): each for n, each in enumerate(answers)}, now, NOW)


def test_rates_are_per_second_and_of_all_routers() -> None:
    history = History(every=2)
    first = [overview("r-1", counters={"stored": 5}), overview("r-2", counters={"stored": 7})]
    assert add(history, 10, *first) is None

    point = add(
        history,
        12,
        overview("r-1", counters={"stored": 9, "pushes": 4}, sessions=3),
        overview("r-2", counters={"stored": 13}, sessions=1),
    )

    assert point and (point.events, point.deliveries, point.sessions) == (5.0, 2.0, 4)
    assert point.as_dict()["events"] == 5.0


def test_a_router_that_has_started_anew_or_was_away_makes_no_spike() -> None:
    history = History(every=2)
    add(history, 10, overview("r-1", counters={"stored": 1_000}))

    anew = add(history, 12, overview("r-1", started=NOW, counters={"stored": 900}))
    away = add(history, 14)
    back = add(history, 16, overview("r-1", started=NOW, counters={"stored": 2_000}))
    then = add(history, 18, overview("r-1", started=NOW, counters={"stored": 2_004}))

    assert [each and each.events for each in (anew, away, back, then)] == [0, 0, 0, 2.0]


def test_refusals_and_closes_are_kept_by_code_and_summed_over_the_ring() -> None:
    history = History(every=2)
    add(history, 10, overview(counters={"refused": {4500: 3}}))
    add(history, 12, overview(counters={"refused": {4500: 5, 0: 1}, "evicted": {4503: 2}}))
    point = add(history, 14, overview(counters={"refused": {4500: 6, 0: 1}, "evicted": {4503: 2}}))

    assert point and (point.refused, point.closed) == ({4500: 1}, {})
    now = [0] * (MINUTES - 1)
    assert history.codes() == [
        {"code": 0, "name": "try again", "refused": 1, "closed": 0, "minutes": [*now, 1]},
        {"code": 4500, "name": "bad_token", "refused": 3, "closed": 0, "minutes": [*now, 3]},
        {"code": 4503, "name": "replaced", "refused": 0, "closed": 2, "minutes": [*now, 2]},
    ]


def test_each_code_has_a_curve_of_minutes_that_ends_now() -> None:
    history = History(every=30)
    for half in range(2 * MINUTES + 5):  # one more refusal in each half a minute
        add(history, 30.0 * (half + 1), overview(counters={"refused": {4500: half}}))
    add(history, 30.0 * (2 * MINUTES + 6), overview(counters={"refused": {4500: 1_000}}))

    (row,) = history.codes()
    assert row["minutes"] == [2] * (MINUTES - 1) + [1_000 - (2 * MINUTES + 4) + 1]
    assert sum(row["minutes"]) == row["refused"]


def test_only_the_last_minutes_are_kept_and_points_are_told_from_one_on() -> None:
    history = History(every=60)
    for minute in range(MINUTES + 10):
        add(history, 60.0 * (minute + 1), overview(counters={"stored": minute}))

    points = history.since(0)
    assert len(points) == MINUTES
    assert [each.number for each in history.since(points[-3].number)] == [
        each.number for each in points[-2:]
    ]
