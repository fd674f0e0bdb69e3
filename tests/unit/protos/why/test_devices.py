"""Each fate of an event at a device has one sentence, which ends with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from kull_protos.common.flight_recorder import Kind
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1.attach_pb2 import Fact, Following
from kull_protos.why.devices import DeviceView, Verdict
from tests.unit.protos.why.answers import (
    MAYA,
    NOW,
    evidence,
    fact,
    following,
    known,
    of_mac,
    trace,
)

AT = "22:13:20.000"
ACKED = of_mac(Kind.ACKNOWLEDGED, address=MAYA, last=8)
CAUGHT_UP = of_mac(Kind.CAUGHT_UP, node="edge-1", address=MAYA, first=6, last=8)
STORED = fact(Kind.STORED, at=NOW - 900, address=MAYA, first=7, last=7, term=4)
REPLACED = fact(Kind.REPLACED, at=NOW + 50, address=MAYA, first=7, last=9, term=4)
LOST = of_mac(Kind.LOST, at=NOW + 20, address=MAYA, last=9)
LATE = of_mac(Kind.ACKNOWLEDGED, at=NOW + 60, address=MAYA, last=20)
UNKNOWN = "has gone past it; whether it got it is not known"
SLOW = of_mac(Kind.UNWRITABLE, node="edge-1")


def fate(
    *facts: Fact,
    device: pb.KnownDevice | None = None,
    session: Following | None = None,
    **of_trace: object,
) -> tuple[str, str]:
    device = device or known()
    event = trace(device, **of_trace)  # type: ignore[arg-type]
    found = evidence(*facts, traces=[event], sessions=[session] if session else [])
    view = DeviceView(found, user="maya", address=MAYA, name="mac", known=device)
    verdict = view.of(event)
    assert (verdict.user, verdict.device) == ("maya", "mac")
    return verdict.code, verdict.text


@pytest.mark.parametrize(
    ("facts", "device", "text"),
    [
        ([ACKED], known(cursor=8), f"acknowledged by {AT}"),
        (
            [CAUGHT_UP, ACKED],
            known(cursor=8),
            f"written to its socket by edge-1 while it caught up, {AT}; acknowledged by {AT}",
        ),
        ([], known(cursor=7), "acknowledged, before what is remembered"),
    ],
    ids=["live", "caught-up", "forgotten"],
)
def test_acknowledged(facts: list[Fact], device: pb.KnownDevice, text: str) -> None:
    assert fate(*facts, device=device) == ("acknowledged", text)


def test_acknowledged_to_the_edge_only() -> None:
    assert fate(session=following(acked=7)) == ("acknowledged", "acknowledged a moment ago")


@pytest.mark.parametrize("floor", [0, 7], ids=["above-the-floor", "below"])
@pytest.mark.parametrize(
    "facts",
    [
        [],
        [ACKED],
        [ACKED, REPLACED],
        [STORED, REPLACED],
        [STORED, REPLACED, LATE],
        [STORED, REPLACED, of_mac(Kind.CAUGHT_UP, at=NOW + 60, address=MAYA, first=1, last=9)],
        [STORED, ACKED],
        [CAUGHT_UP, ACKED],
    ],
    ids=[
        "forgotten",
        "unknown-whom-it-was-for",
        "unknown-whom-it-was-for-replaced",
        "replaced",
        "acknowledged-later",
        "caught-up-later",
        "gone-at-an-unknown-moment",
        "caught-up-with-what-nobody-remembers",
    ],
)
def test_who_has_gone_past_an_event_that_is_gone_may_never_have_got_it(
    facts: list[Fact], floor: int
) -> None:
    assert fate(*facts, device=known(cursor=8), kept=False, floor=floor) == ("passed", UNKNOWN)
    session = following(through=8)
    assert fate(*facts, session=session, kept=False, floor=floor) == (
        "passed",
        "its session has gone past it; whether it got it is not known",
    )


def test_what_was_acknowledged_before_it_went_was_acknowledged() -> None:
    past = known(cursor=8)

    assert fate(STORED, ACKED, REPLACED, device=past, kept=False) == (
        "acknowledged",
        f"acknowledged by {AT}",
    )
    assert fate(STORED, CAUGHT_UP, ACKED, device=past, kept=False, floor=7) == (
        "acknowledged",
        f"written to its socket by edge-1 while it caught up, {AT}; acknowledged by {AT}",
    )


def test_what_was_written_before_it_was_replaced_may_not_have_been_processed() -> None:
    code, text = fate(STORED, CAUGHT_UP, REPLACED, LATE, device=known(cursor=9), kept=False)

    assert code == "passed"
    assert text == f"written to its socket by edge-1 while it caught up, {AT}; {UNKNOWN}"


@pytest.mark.parametrize("kept", [True, False])
def test_a_device_that_had_to_fetch_its_state_anew_may_not_have_got_what_lay_before(
    *, kept: bool
) -> None:
    code, text = fate(LOST, LATE, device=known(cursor=20), kept=kept, floor=5, head=20)

    assert code == "passed"
    assert text == (
        "it was told to fetch its state anew (recovered: false), 22:13:20.020; whether it got "
        "this one is not known"
    )
    assert fate(ACKED, LOST, device=known(cursor=20))[0] == "acknowledged"
    state = fate(LOST, LATE, device=known(cursor=20), contract="latest")
    assert state[0] == "acknowledged"  # the current state is what it was sent


def test_whom_an_event_was_not_meant_for_is_remembered_when_it_is_gone() -> None:
    stored = fact(Kind.STORED, address=MAYA, first=7, last=7, term=4, device_id="mac")

    assert fate(stored, ACKED, REPLACED, device=known(cursor=8), kept=False)[0] == "excluded"


def in_room(device: pb.KnownDevice, session: Following | None = None, **more: Any) -> Verdict:
    room = "room:lab"
    event = trace(device, address=room)
    found = evidence(traces=[event], sessions=[session] if session else [], **more)
    return DeviceView(found, user="maya", address=room, name="mac", known=device).of(event)


def test_a_device_that_does_not_follow_a_room_is_promised_nothing() -> None:
    stranger = known(follows=False)

    assert in_room(stranger).code == "not_following"
    assert in_room(stranger).text == "does not follow room:lab"
    assert in_room(stranger, following(address="room:lab")).code == "written"
    assert in_room(known(follows=True)).code == "away"
    assert in_room(known()).code == "away"  # a router of an older version does not say
    here = known(follows=True, connected=True)
    assert in_room(here).text == "connected, but does not follow room:lab now"
    assert in_room(here, silent_edges=["edge-1"]).code == "connected"


def test_a_connected_device_whose_edge_does_not_answer_is_not_away() -> None:
    came = of_mac(Kind.SUBSCRIBED, address=MAYA)
    here = known(connected=True)

    assert fate(of_mac(Kind.RELEASED, at=NOW - 9), came, device=here) == (
        "connected",
        "connected, says its router; its edge does not tell how it stands",
    )
    assert fate(came, of_mac(Kind.RELEASED, at=NOW + 9))[0] == "away"


def test_not_meant_for_the_device_that_caused_it() -> None:
    assert fate(exclude_device_id="mac")[0] == "excluded"
    assert fate(exclude_device_id="phone")[0] == "away"


def test_in_a_room_the_device_that_caused_it_is_told_by_its_user_as_well() -> None:
    device = known(follows=True)

    def code(exclude: str) -> str:
        event = trace(device, address="room:lab", exclude_device_id=exclude)
        view = DeviceView(
            evidence(traces=[event]), user="maya", address="room:lab", name="mac", known=device
        )
        return view.of(event).code

    assert (code("maya/mac"), code("otto/mac"), code("mac")) == ("excluded", "away", "away")


def test_older_than_the_device() -> None:
    late = known(cursor=9, initial_head=8)

    assert fate(device=late) == (
        "older",
        "older than the device, which began behind seq 8: state only",
    )
    # The newest of a key that still runs is state, and is sent to newcomers.
    assert fate(device=late, contract="latest")[0] == "acknowledged"
    assert fate(device=late, contract="latest", final=True)[0] == "older"


def test_written_and_not_acknowledged() -> None:
    code, text = fate(session=following(through=7, unacknowledged=1))

    assert code == "written"
    assert text == (
        "written to its socket by edge-1; not acknowledged yet: the application has not processed "
        "it, or is slow to say so"
    )
    assert f"while it caught up, {AT}" in fate(CAUGHT_UP, session=following(through=8))[1]


def test_still_catching_up() -> None:
    behind = following(through=5, mode="catching_up")

    assert fate(session=behind) == ("catching_up", "still catching up at edge-1, 4 events behind")
    full = following(through=5, mode="catching_up", unacknowledged=3)
    assert fate(session=full)[1].endswith("has 3 unacknowledged: does the application acknowledge?")


def test_a_device_that_does_not_read() -> None:
    slow = following(through=5, mode="catching_up", writable=False)

    assert fate(SLOW, session=slow) == (
        "slow",
        (
            "connected to edge-1, 4 events behind: it does not read, its socket is full since "
            f"{AT}: look at the device and its network"
        ),
    )


def test_without_a_router() -> None:
    code, text = fate(session=following(through=5, mode="attaching"))

    assert code == "unserved"
    assert text.endswith("no router serves its queue: `kull nodes`")


def test_on_its_way() -> None:
    code, text = fate(session=following(through=6))

    assert code == "on_its_way"
    assert text == "on its way to edge-1, which is 3 events behind: ask again"


@pytest.mark.parametrize(
    ("ends", "code", "text"),
    [
        ([], "away", f"away since {AT}, nothing more is remembered; "),
        ([of_mac(Kind.GONE)], "away", f"away since {AT}, its connection was lost; "),
        (
            [of_mac(Kind.GONE, text="no_pong")],
            "away",
            f"away since {AT}, its connection was lost (no_pong); ",
        ),
        (
            [of_mac(Kind.GONE), of_mac(Kind.RELEASED, at=NOW + 1)],
            "away",
            f"away since {AT}, its connection was lost; ",
        ),
        (
            [of_mac(Kind.CLOSED, at=NOW - 9_000, code=4503), of_mac(Kind.RELEASED)],
            "away",
            f"away since {AT}, its router lost sight of it; ",
        ),
        (
            [of_mac(Kind.CLOSED, at=NOW - 9_000, code=4503), of_mac(Kind.GONE)],
            "away",
            f"away since {AT}, its connection was lost; ",
        ),
        (
            [of_mac(Kind.CLOSED, at=NOW - 9_000, code=4503), of_mac(Kind.SUBSCRIBED)],
            "away",
            f"away since {AT}, nothing more is remembered; ",
        ),
        (
            [of_mac(Kind.CLOSED, code=4507)],
            "away",
            (f"away since {AT}, closed with 4507 revoked, the token was revoked: log in again; "),
        ),
        (
            [of_mac(Kind.EVICTED, code=4504, text="by hand")],
            "away",
            f"away since {AT}, closed with 4504 disconnected, by hand; ",
        ),
    ],
    ids=[
        "forgotten",
        "lost",
        "dead",
        "lost-and-released",
        "out-of-sight",
        "lost-later",
        "end-forgotten",
        "revoked",
        "disconnected",
    ],
)
def test_away(ends: list[Fact], code: str, text: str) -> None:
    found = fate(*ends, device=known(cursor=4, last_seen=NOW))

    assert found == (code, f"{text}it gets this within 5 events")


def test_a_refusal_outweighs_the_close_that_follows_it() -> None:
    ends = [
        of_mac(Kind.GONE, at=NOW - 9_000),
        of_mac(Kind.REFUSED, code=4501, text="too old"),
        of_mac(Kind.CLOSED, at=NOW + 2, node="edge-1", code=4501, text="too old"),
    ]

    assert fate(*ends) == (
        "refused",
        f"refused at {AT} with 4501 token_expired, too old: give it a new token",
    )


def test_somebody_with_a_forged_token_does_not_decide_why_a_device_is_away() -> None:
    forged = of_mac(Kind.REFUSED, at=NOW + 5_000, code=4500, text="malformed")
    closed = of_mac(Kind.CLOSED, at=NOW + 5_001, node="edge-1", code=4500, text="malformed")

    code, text = fate(of_mac(Kind.GONE), forged, closed)

    assert code == "away"
    assert text.startswith(f"away since {AT}, its connection was lost; it gets this within")
    assert "; somebody who says it is mac was refused at 22:13:25.00" in text


def test_what_is_older_than_a_device_does_not_count_as_what_it_is_behind() -> None:
    new = known(cursor=0, initial_head=6)

    assert fate(device=new)[1].endswith("it gets this within 3 events")


def test_what_ended_an_earlier_session_does_not_explain_why_it_is_away_now() -> None:
    facts = [
        of_mac(Kind.CLOSED, at=NOW - 9_000, code=4503),
        of_mac(Kind.SUBSCRIBED, at=NOW - 8_000),
        of_mac(Kind.GONE),
    ]

    assert f"away since {AT}, its connection was lost" in fate(*facts)[1]


def test_replaced_before_it_came() -> None:
    assert fate(kept=False, floor=3) == ("newer", "it gets the newer one instead")


def test_trimmed_while_it_is_connected() -> None:
    _, text = fate(session=following(through=5, mode="catching_up"), kept=False, floor=7)

    assert text == "it is told to fetch its state anew (recovered: false)"


def test_trimmed_before_it_came() -> None:
    code, text = fate(kept=False, floor=7)

    assert code == "lost"
    assert "fetch its state anew (recovered: false)" in text
