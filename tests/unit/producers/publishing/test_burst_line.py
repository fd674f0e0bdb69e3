from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from kull_producers.events import batch, topology
from kull_producers.events.message import Message
from kull_producers.publishing.burst_line import BurstLine, gives_way
from kull_router.delivery import ingest
from kull_router.queues.entry import NO_PROGRESS, Event
from kull_router.queues.newest import Newest

EMPTY = Newest(seq=0)
OWN = "own-run"


def credit(name: str, *, user: str = "ada", size: int = 2) -> Message:
    return Message(
        exchange=topology.CREDIT,
        routing_key=f"03.user.{user}.credit_update",
        body=b'{"type":"CREDIT_UPDATE","data":{}}'.ljust(size),
        message_id=name,
        type="CREDIT_UPDATE",
        headers={topology.HEADER_ADDRESS: f"user:{user}", topology.HEADER_CONTRACT: "every"},
    )


def tick(
    version: int, done: int | None = 1, *, final: bool = False, run: str = OWN,
    key: str = "shoot:s", user: str = "ada", replaceable: bool = True,
) -> Message:  # fmt: skip
    counted = {} if done is None else {topology.HEADER_PROGRESS: done}
    return Message(
        exchange=topology.SHOOT,
        routing_key=f"03.user.{user}.shoot_progress",
        body=b'{"type":"SHOOT_PROGRESS","data":{}}',
        message_id=f"{run}/{version}",
        type="SHOOT_PROGRESS",
        headers={
            topology.HEADER_ADDRESS: f"user:{user}",
            topology.HEADER_CONTRACT: "latest",
            topology.HEADER_KEY: key,
            topology.HEADER_RUN: run,
            topology.HEADER_VERSION: version,
            topology.HEADER_FINAL: final,
            **counted,
        },
        replaceable=replaceable,
    )


def line_of(*messages: Message) -> BurstLine[int]:
    line: BurstLine[int] = BurstLine()
    for caller, message in enumerate(messages):
        line.add(message, caller)
    return line


def ids(line: BurstLine[int]) -> list[str]:
    return [each.message.message_id for each in line]


def test_what_waits_goes_together_in_order() -> None:
    line = line_of(credit("1"), credit("2", user="bob"), credit("3"))

    assert [each.message.message_id for each in line.take(together=True)] == ["1", "2", "3"]
    assert not line


def test_without_batches_one_goes_at_a_time() -> None:
    line = line_of(credit("1"), credit("2"))

    assert [each.message.message_id for each in line.take(together=False)] == ["1"]
    assert ids(line) == ["2"]


def test_a_batch_is_bounded_in_events_and_bytes() -> None:
    many = line_of(*(credit(str(number)) for number in range(100)))
    assert len(many.take(together=True)) == batch.MAX_EVENTS
    assert len(many.take(together=True)) == 100 - batch.MAX_EVENTS

    large = line_of(*(credit(str(number), size=60_000) for number in range(9)))
    while large:
        taken = large.take(together=True)
        assert sum(len(each.packed()) for each in taken) <= batch.MAX_BYTES
        assert len(taken) in {1, 4}


def test_what_fits_into_no_batch_goes_alone_in_its_turn() -> None:
    line = line_of(credit("1"), credit("huge", size=batch.MAX_BYTES), credit("3"), credit("4"))

    taken = [[each.message.message_id for each in line.take(together=True)] for _ in range(3)]
    assert taken == [["1"], ["huge"], ["3", "4"]]


def test_an_older_tick_gives_way_and_its_callers_wait_for_the_newer_one() -> None:
    line = line_of(tick(1, 1), tick(2, 2), tick(3, 3))

    [left] = line.take(together=True)
    assert left.message == tick(3, 3)
    assert left.callers == [0, 1, 2]


def test_it_takes_the_place_of_the_older_one_when_only_others_users_stand_between() -> None:
    line = line_of(tick(1, 1), credit("bob's", user="bob"), tick(2, 2))

    assert ids(line) == [f"{OWN}/2", "bob's"]


def test_it_overtakes_nothing_of_its_user() -> None:
    line = line_of(tick(1, 8), credit("paid"), tick(2, 9, final=True))

    assert ids(line) == ["paid", f"{OWN}/2"]


def test_a_tick_behind_the_end_replaces_nothing() -> None:
    line = line_of(tick(1, 9, final=True), tick(2, 5))

    assert ids(line) == [f"{OWN}/1", f"{OWN}/2"]


def test_an_end_stays_whatever_is_said_after_it() -> None:
    line = line_of(tick(1, 9, final=True), tick(2, 10))

    assert ids(line) == [f"{OWN}/1", f"{OWN}/2"]


def test_the_beginning_of_a_count_stays() -> None:
    assert ids(line_of(tick(1, 0), tick(2, 5))) == [f"{OWN}/1", f"{OWN}/2"]


def test_what_an_application_has_named_stays_since_it_may_come_again() -> None:
    named = tick(1, 1, replaceable=False)

    assert not gives_way(named, tick(2, 2))
    assert not gives_way(tick(1, 1), tick(2, 2, replaceable=False))
    assert ids(line_of(tick(1, 1), replace(named, message_id="n"), tick(3, 3))) == [
        f"{OWN}/1", "n", f"{OWN}/3",
    ]  # fmt: skip


def test_only_one_key_of_one_user_of_one_run_and_one_service_counts() -> None:
    others = [
        tick(2, 2, key="shoot:t"),
        tick(2, 2, user="bob"),
        tick(2, 2, run="other"),
        replace(tick(2, 2), app_id="other"),
    ]
    for other in others:
        assert len(line_of(tick(1, 1), other)) == 2


def test_who_gave_up_is_out_of_the_line() -> None:
    line = line_of(tick(1, 1), credit("2"))
    [first, _] = line
    line.remove(first)
    line.remove(first)

    assert ids(line) == ["2"]
    line.add(tick(3, 3), 3)
    assert ids(line) == ["2", f"{OWN}/3"]


def test_a_tick_finds_its_older_one_also_when_what_stood_behind_that_has_left() -> None:
    line = line_of(tick(1, 1), credit("2"))
    [_, last] = line
    line.remove(last)
    line.add(tick(3, 3), 3)

    [left] = line
    assert (left.message, left.callers) == (tick(3, 3), [0, 3])


COUNTED = st.sampled_from([None, 0, 1, 2, 3])
RUNS = st.sampled_from([OWN, OWN, "other", ""])
SAID = st.builds(tick, st.integers(1, 6), COUNTED, final=st.booleans(), run=RUNS)
OLDER = st.builds(tick, st.sampled_from([3, 4, 6]), COUNTED, final=st.booleans())
NEWER = st.builds(tick, st.just(5), COUNTED, final=st.booleans(), run=RUNS)


@settings(max_examples=500)
@given(st.lists(SAID, max_size=4), OLDER, NEWER)
def test_routers_know_the_same_without_what_gives_way(
    before: list[Message], older: Message, newer: Message
) -> None:
    if not gives_way(older, newer):
        return
    known = heard(EMPTY, *before)

    assert _told(heard(known, newer)) == _told(heard(known, older, newer))


MIXED = st.lists(
    st.tuples(COUNTED, st.booleans(), st.sampled_from("st"), st.sampled_from([True, False, False])),
    max_size=12,
)


@settings(max_examples=300)
@given(MIXED, st.integers(0, 3))
def test_whatever_is_said_every_key_ends_as_it_would_and_nothing_else_changes_its_place(
    said: list[tuple[int | None, bool, str, bool]], others: int
) -> None:
    messages: list[Message] = []
    for version, (done, final, key, every) in enumerate(said):
        messages.append(
            credit(str(version)) if every else tick(version, done, final=final, key=key)
        )
    messages += [credit(f"bob-{number}", user="bob") for number in range(others)]
    line = line_of(*messages)
    sent = [each.message for each in line]

    for key in "st":
        assert _told(heard(EMPTY, *_of(key, sent))) == _told(heard(EMPTY, *_of(key, messages)))
    places = {message.message_id: place for place, message in enumerate(messages)}
    for user in ("ada", "bob"):
        kept = [places[each.message_id] for each in sent if f".{user}." in each.routing_key]
        assert kept == sorted(kept)
    lost = {each.message_id for each in messages} - {each.message_id for each in sent}
    assert not any(each.message_id in lost for each in messages if not each.replaceable)
    assert sorted(caller for each in line for caller in each.callers) == list(range(len(messages)))


def heard(known: Newest, *messages: Message) -> Newest:
    for message in messages:
        event = _event(message)
        if not known.outdates(event):
            known = known.followed_by(event, event.version or 1)
    return known


def _told(known: Newest) -> tuple[str, int, int, bool, dict[str, int]]:
    """What the newest is, and which runs were heard; not who has spoken "lately"."""
    runs = {each.run: each.version for each in known.heard}
    return known.run, known.seq, known.progress, known.final, runs


def _of(key: str, messages: list[Message]) -> list[Message]:
    return [each for each in messages if each.headers.get(topology.HEADER_KEY) == key]


def _event(message: Message) -> Event:
    found = ingest.read(message, shard=0, shard_count=1, now_ms=0, age_ms=0, new_id=lambda: "none")
    assert isinstance(found, Event)
    assert found.progress == message.headers.get(topology.HEADER_PROGRESS, NO_PROGRESS)
    return found
