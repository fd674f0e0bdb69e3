"""The life of an event, and how a device fares, as sentences."""

from __future__ import annotations

import pytest

from kull_protos.common.flight_recorder import Kind
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1.attach_pb2 import Fact
from kull_protos.why.evidence import Question, merge
from kull_protos.why.story import STORE_UNAVAILABLE, Story, caveats, tell
from tests.unit.protos.why.answers import (
    MAYA,
    NOW,
    answer,
    evidence,
    fact,
    following,
    known,
    of_mac,
    trace,
)

EVENT = Question(event_id="e-1")
DEVICE = Question(user="maya", device="mac")
QUEUE = pb.Queue(address=MAYA, head=9, floor=2)


def story(*facts: Fact, of: pb.Trace | None = None) -> Story:
    (found,) = tell(EVENT, evidence(*facts, traces=[of] if of else []))
    return found


def texts(found: Story) -> list[str]:
    return [line.text for line in found.lines]


def test_an_events_way_is_told_in_order() -> None:
    found = story(
        fact(Kind.PUSHED, at=NOW + 2, node="edge-1", address=MAYA, first=6, last=8),
        fact(Kind.STORED, address=MAYA, first=7, last=7, term=4, text="edge-1, edge-2"),
        of=trace(known(), published_at=NOW - 5),
    )

    assert found.title == "X e-1 of s"
    assert found.verdict == "stored"
    assert texts(found) == [
        "published, by its publisher's clock",
        (
            "stored as seq 7 of user:maya by router-1, term 4, RabbitMQ had confirmed it; pushed "
            "to edge-1, edge-2"
        ),
        "reached edge-1, which wrote it to the sockets of those who were live",
    ]
    assert [verdict.device for verdict in found.devices] == ["mac"]


def test_an_event_that_no_edge_took_does_not_say_that_nobody_was_connected() -> None:
    stored = fact(Kind.STORED, address=MAYA, first=7, last=7, term=4)
    dropped = fact(Kind.DROPPED, at=NOW - 1, address=MAYA, text="edge-1", first=5)

    assert texts(story(stored, of=trace()))[0].endswith("; no edge followed it there then")
    first, second = texts(story(dropped, stored, of=trace()))
    assert first.startswith("pushes from seq 5 on to edge-1 were dropped")
    assert second.endswith("; no edge took it then")


def test_after_a_failover_the_store_tells_and_the_new_owner_is_named() -> None:
    found = story(fact(Kind.OWNED, code=3, term=4), of=trace())

    assert texts(found) == [
        (
            "stored as seq 7 of user:maya, RabbitMQ had confirmed it; by whom is not remembered "
            "(router-1 owns its shard since 22:13:20.000)"
        )
    ]


def test_a_repeat_is_told() -> None:
    found = story(fact(Kind.DUPLICATE, address=MAYA, event_id="e-1"), of=trace())

    assert texts(found)[-1] == "came again, and router-1 dropped it as a duplicate"


def test_pushes_that_were_dropped_are_told() -> None:
    gaps = [
        fact(Kind.DROPPED, at=NOW + at, address=MAYA, text="edge-1", first=first)
        for at, first in ((0, 3), (1, 6), (2, 8))
    ]
    took = fact(Kind.STORED, address=MAYA, first=7, last=7, term=4, text="edge-1")

    assert texts(story(*gaps, of=trace()))[1:] == [
        "pushes from seq 6 on to edge-1 were dropped, it did not keep up: its devices catch up"
    ]
    assert len(texts(story(*gaps, took, of=trace()))) == 1


def test_an_event_whose_position_an_older_version_did_not_note() -> None:
    assert texts(story(of=trace(seq=0)))[0].startswith("stored in user:maya, ")


@pytest.mark.parametrize(
    ("facts", "event", "verdict", "text"),
    [
        (
            [fact(Kind.REPLACED, address=MAYA, first=7, last=9)],
            trace(kept=False),
            "replaced",
            "replaced by seq 9, a newer one of the same key",
        ),
        ([], trace(kept=False), "replaced", "replaced by a newer one of the same key"),
        (
            [],
            trace(known(cursor=7), kept=False, floor=7),
            "trimmed",
            "trimmed: every device of the user has gone past it, or retention took it before",
        ),
        (
            [],
            trace(known(cursor=6), kept=False, floor=7),
            "trimmed",
            (
                "trimmed by retention: entries up to seq 7 are gone (KULL_KEEP_EVERY_ENTRIES, "
                "KULL_KEEP_LATEST_ENTRIES, KULL_KEEP_ENTRIES_FOR)"
            ),
        ),
    ],
    ids=["replaced", "replaced-by-whom", "acknowledged", "retention"],
)
def test_an_event_that_does_not_lie_any_more(
    facts: list[Fact], event: pb.Trace, verdict: str, text: str
) -> None:
    found = story(*facts, of=event)

    assert found.verdict == verdict
    assert texts(found)[-1] == text


def test_a_shared_queue_is_not_trimmed_for_what_one_users_devices_have_acknowledged() -> None:
    question = Question(event_id="e-1", user="maya")
    gone = trace(known(cursor=7), address="all", kept=False, floor=7)

    (found,) = tell(question, evidence(traces=[gone]))

    assert texts(found)[-1].startswith("trimmed by retention: ")


def test_of_an_event_without_a_position_nothing_is_told_but_that_it_is_gone() -> None:
    found = story(of=trace(known(cursor=9), seq=0, kept=False, floor=7))

    assert found.verdict == "gone"
    assert texts(found)[-1] == "gone; an older version stored it and did not note where"
    assert not found.devices
    assert not story(of=trace(known(cursor=9), seq=0)).devices


def test_an_outage_of_the_store_is_not_told_as_an_unknown_id() -> None:
    (found,) = tell(EVENT, evidence(store_error="the disk is full"))

    assert found.verdict == STORE_UNAVAILABLE
    assert texts(found) == ["not known: the store does not answer; ask again when it does"]
    dead = fact(Kind.DEAD, event_id="e-1", text="no id")
    (found,) = tell(EVENT, evidence(dead, store_error="the disk is full"))
    assert found.verdict == "dead_lettered"
    (found,) = tell(DEVICE, evidence(store_error="the disk is full"))
    assert found.verdict == STORE_UNAVAILABLE


def test_what_was_refused_under_the_id_of_a_stored_event_is_told_as_well() -> None:
    stale = [
        fact(Kind.STALE, address=where, event_id="e-1", text="k") for where in (MAYA, "user:otto")
    ]
    dead = fact(Kind.DEAD, event_id="e-1", text="no id")

    stored, refused = tell(EVENT, evidence(*stale, dead, traces=[trace()]))

    assert texts(stored)[-1].startswith("another of this id: stale: user:maya held a newer one")
    assert refused.verdict == "dead_lettered"
    question = Question(event_id="e-1", user="maya")
    assert [each.verdict for each in tell(question, evidence(*stale, traces=[trace()]))] == [
        "stored"
    ]


def test_the_fate_of_another_users_event_of_that_id_is_not_told() -> None:
    stale = fact(Kind.STALE, address="user:otto", event_id="e-1", text="k")

    (found,) = tell(Question(event_id="e-1", user="maya"), evidence(stale))

    assert found.verdict == "unknown"


def test_a_dead_letter_is_told_with_its_reason() -> None:
    found = story(fact(Kind.DEAD, event_id="e-1", text="no id"))

    assert found.verdict == "dead_lettered"
    assert texts(found) == [
        "dead-lettered by router-1: no id. It lies in `kull.dead`: mend the publisher"
    ]


def test_a_stale_event_is_told_with_its_key() -> None:
    found = story(fact(Kind.STALE, address=MAYA, event_id="e-1", text="shoot:1"))

    assert found.verdict == "stale"
    assert texts(found) == [
        (
            "stale: user:maya held a newer one of shoot:1 when it came, and router-1 dropped it: "
            "nothing to do, devices have the newer one"
        )
    ]


def test_an_unknown_id_says_what_to_look_at() -> None:
    found = story(fact(Kind.DEAD, event_id="e-2"))

    assert found.verdict == "unknown"
    assert "did `publish` return this id, does its outbox grow?" in texts(found)[0]


def test_of_a_shared_queue_it_must_be_said_whose_devices_are_meant() -> None:
    everybody = trace(address="all")

    assert texts(story(of=everybody))[-1].startswith("a shared queue: --user USER")
    (found,) = tell(Question(event_id="e-1", user="maya"), evidence(traces=[everybody]))
    assert not texts(found)[-1].startswith("a shared queue")


def test_an_event_of_several_queues_is_several_stories() -> None:
    found = tell(EVENT, evidence(traces=[trace(), trace(address="user:otto")]))

    assert [each.verdict for each in found] == ["stored", "stored"]


def device(*facts: Fact, **more: object) -> tuple[str, str]:
    more = {"devices": [known(cursor=4, last_seen=NOW)], "queue": QUEUE} | more
    (found,) = tell(DEVICE, evidence(*facts, **more))
    (verdict,) = found.devices
    assert found.verdict == verdict.code
    return verdict.code, verdict.text


@pytest.mark.parametrize(
    ("session", "code", "end"),
    [
        ({}, "live", "5 events behind"),
        ({"mode": "catching_up"}, "catching_up", "5 events behind"),
        (
            {"mode": "catching_up", "unacknowledged": 3},
            "catching_up",
            "3 unacknowledged: does the application acknowledge?",
        ),
        ({"writable": False}, "slow", "its socket is full: look at its network"),
        ({"mode": "attaching"}, "unserved", "No router serves its queue: `kull nodes`"),
    ],
    ids=["live", "catching-up", "full", "slow", "unserved"],
)
def test_a_connected_device_is_told_with_its_backlog(
    session: dict[str, object], code: str, end: str
) -> None:
    found = device(sessions=[following(**session)])  # type: ignore[arg-type]

    assert found[0] == code
    assert "it has acknowledged seq 4 of 9, 5 events behind" in found[1]
    assert found[1].startswith("connected to edge-1, ")
    assert found[1].endswith(end)


def test_a_device_that_is_away_is_told_with_its_backlog() -> None:
    assert device(of_mac(Kind.GONE)) == (
        "away",
        (
            "away since 22:13:20.000, its connection was lost; it has acknowledged seq 4 of 9, "
            "5 events behind"
        ),
    )


def test_a_device_behind_what_is_kept_must_fetch_its_state() -> None:
    _, text = device(devices=[known(cursor=1)])

    assert text.endswith("entries up to 2 are trimmed, so that it must fetch its state anew")


def test_what_is_older_than_a_device_does_not_count_as_its_backlog() -> None:
    _, text = device(devices=[known(cursor=0, initial_head=7)])

    assert text.endswith("2 events behind")


def test_a_connected_device_of_which_no_edge_tells_is_not_away() -> None:
    code, text = device(devices=[known(cursor=4, connected=True)], silent_edges=["edge-1"])

    assert code == "connected"
    assert text.startswith(
        "connected, says its router; its edge does not tell how it stands; it has acknowledged"
    )


def test_an_unknown_device() -> None:
    assert device(devices=[])[0] == "unknown"


def test_a_device_that_was_only_ever_refused() -> None:
    code, text = device(of_mac(Kind.REFUSED, code=4500, text="malformed"), devices=[])

    assert code == "refused"
    assert text.startswith(
        "somebody who says it is mac was refused at 22:13:20.000 with 4500 bad_token, malformed: "
        "look at the key"
    )
    taken = of_mac(Kind.SUBSCRIBED, at=NOW + 1, address=MAYA)
    forged = of_mac(Kind.REFUSED, code=4500, text="malformed")
    assert device(forged, taken, devices=[])[0] == "unknown"  # forgotten since
    expired = device(of_mac(Kind.REFUSED, code=4501), devices=[])
    assert expired[1].startswith("refused at 22:13:20.000 with 4501")


def test_a_devices_life_is_told_step_by_step() -> None:
    facts = [
        of_mac(Kind.SUBSCRIBED, at=NOW, address=MAYA, first=3, last=5, text="edge-1"),
        of_mac(Kind.SUBSCRIBED, at=NOW, address="all", text="edge-1"),
        of_mac(Kind.THROTTLED, at=NOW + 1, node="edge-1"),
        of_mac(Kind.UNWRITABLE, at=NOW + 2, node="edge-1"),
        of_mac(Kind.UNWRITABLE, at=NOW + 3, node="edge-1"),
        of_mac(Kind.EVICTED, at=NOW + 4, code=4504, text="by hand"),
        of_mac(Kind.CLOSED, at=NOW + 5, node="edge-1", code=4504, text="by hand"),
        of_mac(Kind.REFUSED, at=NOW + 6, code=4501),
        of_mac(Kind.REFUSED, at=NOW + 6, code=4500, text="malformed"),
        of_mac(Kind.LOST, at=NOW + 7, address=MAYA, text="edge-2"),
        of_mac(Kind.GONE, at=NOW + 8, node="edge-2", text="no_pong"),
    ]
    (found,) = tell(DEVICE, evidence(*facts, devices=[known()], queue=QUEUE))

    assert texts(found) == [
        "connected by way of edge-1, continued behind seq 3 of 5",
        "sent more than it may, and edge-1 read it more slowly",
        "did not read: its socket at edge-1 was full",
        "closed by router-1 with 4504 disconnected, by hand",
        "refused with 4501 token_expired, get a new token: give it a new token",
        (
            "somebody who says it is mac was refused with 4500 bad_token, malformed: look at the "
            "key, audience and device of its token (`kull token`)"
        ),
        "connected by way of edge-2; it had missed trimmed entries (recovered: false)",
        "its connection to edge-2 was lost (no_pong)",
    ]


def test_whatever_did_not_answer_is_told() -> None:
    found = merge(
        [answer(silent_edges=["edge-2"], store_error="the disk is full")],
        {"r2:7400": "router r2:7400 does not answer"},
    )

    assert caveats(found) == [
        "router r2:7400 does not answer: what it remembers is missing",
        "edge-2 does not answer: how its sessions stand is missing",
        "the store does not answer router-1: the disk is full",
    ]
    assert caveats(evidence()) == []


def test_clocks_that_differ_and_users_that_are_left_out_are_told() -> None:
    found = evidence(shifts={"edge-1": 1_500, "edge-2": -2_000, "edge-3": 900}, more_traces=3)

    assert caveats(found) == [
        "edge-1's clock is 1.5 s behind router-1's: what it remembers was moved to that time",
        "edge-2's clock is 2.0 s ahead of router-1's: what it remembers was moved to that time",
        "at least 3 more users: use --user USER to ask about one",
    ]
