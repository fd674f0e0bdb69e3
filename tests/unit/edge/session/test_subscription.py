"""One session in one queue: in order, within the window, from live to catching up and back."""

from __future__ import annotations

import pytest

from kull_edge.session.subscription import Mode, Outcome, Subscription, Window
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.session.entries import ME, SMALL, answer, following, frame, run, seqs


def test_a_position_at_the_head_goes_live_without_a_read() -> None:
    subscription = following(after=7, head=7)

    assert subscription.mode is Mode.LIVE
    assert subscription.fetch_size() is None
    assert seqs(subscription.push(1, run(8, 9))) == [8, 9]


def test_behind_the_head_it_pulls_and_goes_live_at_the_head() -> None:
    subscription = following(after=0, head=2)
    assert subscription.mode is Mode.CATCHING_UP
    assert subscription.fetch_size() == (4, 1000)
    subscription.fetch(1)

    assert subscription.fetch_size() is None
    assert seqs(subscription.batch(answer(subscription, through=2, head=2), run(1, 2))) == [1, 2]
    assert subscription.mode.name == "LIVE"


def test_an_answer_that_does_not_reach_what_was_pushed_does_not_flip() -> None:
    subscription = following(after=0, head=1)
    subscription.fetch(1)
    assert subscription.push(1, run(2, 2)) == []

    subscription.batch(answer(subscription, through=1, head=1), run(1, 1))

    assert subscription.mode is Mode.CATCHING_UP
    assert subscription.fetch_size() is not None


def test_a_push_before_the_subscription_was_confirmed_is_not_lost() -> None:
    subscription = Subscription("user:maya", device_id=ME, window=Window(messages=4, bytes=1000))
    subscription.begin("link", 1)
    assert subscription.push(1, run(6, 6)) == []

    subscription.subscribed(pb.Subscribed(term=1, epoch="e", head=5, after=5, recovered=True))

    assert subscription.mode is Mode.CATCHING_UP


def test_a_hole_in_the_pushes_is_filled_from_the_log() -> None:
    subscription = following()

    assert subscription.push(1, run(2, 3)) == []

    assert subscription.mode is Mode.CATCHING_UP
    subscription.fetch(1)
    assert seqs(subscription.batch(answer(subscription, through=3, head=3), run(1, 3))) == [1, 2, 3]


def test_a_full_window_stops_writing_and_acknowledging_resumes_from_the_log() -> None:
    subscription = following()
    assert seqs(subscription.push(1, run(1, 6))) == [1, 2, 3, 4]
    assert subscription.fetch_size() is None

    subscription.ack(2)

    assert subscription.acked == 2
    assert subscription.fetch_size() == (2, 980)


def test_a_frame_larger_than_the_window_fits_alone_and_never_spins() -> None:
    subscription = following(window=Window(messages=4, bytes=100))
    big = frame(2, size=500)
    assert seqs(subscription.push(1, [frame(1), big])) == [1]
    assert subscription.fetch_size() is None

    subscription.ack(1)
    assert subscription.fetch_size() == (4, 100)
    subscription.fetch(1)
    assert seqs(subscription.batch(answer(subscription, through=2, head=2), [big])) == [2]


def test_a_socket_that_is_not_writable_gets_nothing_until_it_is() -> None:
    subscription = following()
    subscription.writable = False
    assert subscription.push(1, run(1, 1)) == []
    assert subscription.fetch_size() is None

    subscription.writable = True
    assert subscription.fetch_size() is not None


def test_skipped_entries_count_as_acknowledged_once_all_before_them_are() -> None:
    subscription = following()
    subscription.push(1, [frame(1), frame(2, exclude=ME), frame(3, exclude=ME)])
    assert subscription.acked == 0

    subscription.ack(1)

    assert subscription.acked == 3


def test_an_acknowledgement_of_what_was_not_sent_is_clamped() -> None:
    subscription = following()
    subscription.push(1, run(1, 2))

    subscription.ack(999)

    assert subscription.acked == 2
    subscription.ack(1)
    assert subscription.acked == 2


def test_presence_from_before_the_welcome_is_not_replayed() -> None:
    subscription = following(after=0, head=2)
    subscription.fetch(1)
    entries = [frame(1, presence=True), frame(2), frame(3, presence=True)]

    assert seqs(subscription.batch(answer(subscription, through=3, head=3), entries)) == [2, 3]


def test_frames_of_an_older_term_are_ignored() -> None:
    subscription = following()
    subscription.detach()
    subscription.begin("link", 2)
    subscription.subscribed(pb.Subscribed(term=2, epoch="e", head=0, after=0, recovered=True))

    assert subscription.push(1, run(1, 1)) == []
    subscription.gap(1)
    assert subscription.mode is Mode.LIVE


def test_a_higher_term_means_catching_up() -> None:
    subscription = following()

    assert subscription.push(2, run(1, 1)) == []

    assert subscription.mode is Mode.CATCHING_UP
    subscription.fetch(1)
    assert subscription.batch(answer(subscription, through=1, head=1, term=1), run(1, 1)) == []
    subscription.fetch(2)
    assert seqs(subscription.batch(answer(subscription, through=1, head=1, term=2), run(1, 1))) == [
        1
    ]


def test_after_a_failover_nothing_is_written_twice() -> None:
    subscription = following()
    subscription.push(1, run(1, 3))
    subscription.ack(1)
    subscription.detach()
    subscription.begin("other", 2)
    assert subscription.acked == 1

    again = pb.Subscribed(term=2, epoch="e", head=4, after=1, recovered=True)
    assert subscription.subscribed(again) is Outcome.AGAIN

    subscription.fetch(1)
    assert seqs(subscription.batch(answer(subscription, through=4, head=4, term=2), run(2, 4))) == [
        4
    ]


def test_another_epoch_and_a_loss_are_told_apart() -> None:
    subscription = following()
    subscription.begin("link", 2)
    assert subscription.subscribed(pb.Subscribed(term=1, epoch="e")) is Outcome.STALE
    assert subscription.subscribed(pb.Subscribed(term=2, epoch="other")) is Outcome.OTHER_EPOCH
    lost = pb.Subscribed(term=2, epoch="e", after=9, head=9, recovered=False)
    assert subscription.subscribed(lost) is Outcome.LOST
    assert subscription.through == 9


@pytest.mark.parametrize("told_by", ["subscribed", "batch"])
def test_behind_a_loss_nothing_counts_as_processed_before_the_device_acknowledges(
    told_by: str,
) -> None:
    """The notice may never have arrived: the device must be told again when it returns."""
    subscription = following(after=6, head=6)
    if told_by == "subscribed":
        subscription.begin("other", 2)
        lost = pb.Subscribed(term=2, epoch="e", head=36, after=0, recovered=False)
        assert subscription.subscribed(lost) is Outcome.LOST
    else:
        subscription.gap(1)
    subscription.fetch(1)
    batch = answer(subscription, through=36, head=36, term=2)
    batch.lost = told_by == "batch"
    subscription.batch(batch, run(34, 36))

    assert subscription.acked == 6
    subscription.ack(34)
    assert subscription.acked == 34


def test_a_second_loss_holds_the_position_when_only_what_came_before_it_is_acknowledged() -> None:
    subscription = following(after=6, head=6)
    for request, (first, last) in enumerate([(14, 15), (34, 35)], start=1):
        subscription.gap(1)
        subscription.fetch(request)
        batch = answer(subscription, through=last, head=last)
        batch.lost = True
        subscription.batch(batch, run(first, last))

    subscription.ack(15)  # the first notice has arrived, not the one behind 15
    assert subscription.acked == 15
    subscription.ack(34)
    assert subscription.acked == 34


def test_a_device_welcomed_as_not_recovered_keeps_its_cursor_until_it_acknowledges() -> None:
    subscription = Subscription("user:maya", device_id=ME, window=SMALL)
    subscription.begin("link", 1)
    lost = pb.Subscribed(term=1, epoch="e", head=36, after=0, recovered=False)
    assert subscription.subscribed(lost) is Outcome.FIRST
    subscription.fetch(1)
    subscription.batch(answer(subscription, through=36, head=36), run(36, 36))

    assert subscription.acked == 0
    subscription.ack(36)
    assert subscription.acked == 36


def test_a_failed_read_is_asked_again() -> None:
    subscription = following(after=0, head=1)
    subscription.fetch(1)

    assert subscription.batch(answer(subscription, through=0, head=0, error="busy"), []) == []

    assert subscription.mode is Mode.CATCHING_UP
    assert subscription.fetch_size() is not None


def test_ephemeral_frames_are_written_in_any_mode_but_never_waited_for() -> None:
    subscription = following(after=0, head=5)
    assert seqs(subscription.push(1, [frame(0)])) == [0]
    assert subscription.push(1, [frame(0, exclude=ME)]) == []
    subscription.writable = False
    assert subscription.push(1, [frame(0)]) == []
    assert subscription.last_open == 0
