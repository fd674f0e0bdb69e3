"""One session following one queue: every entry in order, exactly once, within the window."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kull_edge.protocol.outgoing import OutMessage, text_frame
from kull_edge.session.subscription import Mode, Outcome, Subscription, Window
from kull_protos.mesh.v1 import attach_pb2 as pb

ME = "mac"
SMALL = Window(messages=4, bytes=1000)


def frame(seq: int, *, exclude: str = "", presence: bool = False, size: int = 10) -> OutMessage:
    return OutMessage(b"x" * size, seq=seq, exclude=exclude, presence=presence)


def run(first: int, last: int) -> list[OutMessage]:
    return [frame(seq) for seq in range(first, last + 1)]


def seqs(frames: Sequence[OutMessage]) -> list[int]:
    return [each.seq for each in frames]


def following(*, after: int = 0, head: int = 0, window: Window = SMALL) -> Subscription:
    subscription = Subscription("user:maya", device_id=ME, window=window)
    subscription.begin("link", 1)
    answer = pb.Subscribed(term=1, epoch="e", head=head, after=after, recovered=True)
    assert subscription.subscribed(answer) is Outcome.FIRST
    return subscription


def answer(
    subscription: Subscription, *, through: int, head: int, term: int = 1, error: str = ""
) -> pb.Batch:
    return pb.Batch(
        request_id=subscription.fetching, through=through, head=head, term=term, error=error
    )


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


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_the_shared_frame_is_what_a_websocket_client_reads(size: int) -> None:
    from websockets.frames import Frame
    from websockets.streams import StreamReader

    reader = StreamReader()
    reader.feed_data(text_frame(b"x" * size))
    parsing = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as done:
        next(parsing)

    assert done.value.value.data == b"x" * size
    assert done.value.value.fin


class SubscriptionMachine(RuleBasedStateMachine):
    """A log and a stream that drops, delays, repeats itself and fails over."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[OutMessage] = []
        self.stream: deque[tuple[str, object]] = deque()
        self.reads: list[pb.Batch] = []  # read from the log, not yet on the stream
        self.written: list[int] = []
        self.term = 1
        self.request = 0
        self.window = Window(messages=3, bytes=60)
        self.subscription = Subscription("user:maya", device_id=ME, window=self.window)

    @initialize(before=st.integers(0, 5), behind=st.integers(0, 5))
    def attach(self, before: int, behind: int) -> None:
        self.log += [frame(seq, presence=seq % 3 == 0) for seq in range(1, before + 1)]
        self.start = max(0, before - behind)
        self.floor = before
        self.subscription.begin("link", self.term)
        self._subscribe(self.start)

    def _subscribe(self, after: int) -> None:
        self.stream.append(
            (
                "subscribed",
                pb.Subscribed(
                    term=self.term, epoch="e", head=len(self.log), after=after, recovered=True
                ),
            )
        )

    @rule(
        count=st.integers(1, 3),
        exclude=st.sampled_from(["", ME, "phone"]),
        presence=st.booleans(),
        size=st.sampled_from([1, 20, 100]),
        fate=st.sampled_from(["push", "push", "push", "gap", "hole"]),
    )
    def store(self, count: int, exclude: str, presence: bool, size: int, fate: str) -> None:
        first = len(self.log) + 1
        new = [
            frame(seq, exclude=exclude, presence=presence, size=size)
            for seq in range(first, first + count)
        ]
        self.log += new
        if fate == "push":
            self.stream.append(("push", (self.term, new)))
        elif fate == "gap":
            self.stream.append(("gap", self.term))

    @precondition(lambda self: self.stream)
    @rule()
    def deliver(self) -> None:
        kind, what = self.stream.popleft()
        if kind == "subscribed":
            assert isinstance(what, pb.Subscribed)
            if self.subscription.subscribed(what) is Outcome.FIRST:
                self.floor = what.head
        elif kind == "push":
            assert isinstance(what, tuple)
            self._write(self.subscription.push(*what))
        elif kind == "gap":
            assert isinstance(what, int)
            self.subscription.gap(what)
        else:
            assert isinstance(what, pb.Batch)
            entries = [each for each in self.log[: what.through] if each.seq > what.session_id]
            self._write(self.subscription.batch(what, entries))

    @rule()
    def fetch(self) -> None:
        size = self.subscription.fetch_size()
        if size is None:
            return
        limit, max_bytes = size
        self.request += 1
        self.subscription.fetch(self.request)
        after, through, total = self.subscription.through, self.subscription.through, 0
        for each in self.log[after : after + limit]:
            total += len(each.text)
            if total > max_bytes and through > after:
                break
            through = each.seq
        self.reads.append(
            pb.Batch(
                request_id=self.request,
                session_id=after,
                term=self.term,
                through=through,
                head=len(self.log),
            )
        )

    @precondition(lambda self: self.reads)
    @rule()
    def answer_a_read(self) -> None:
        self.stream.append(("batch", self.reads.pop(0)))

    @rule(share=st.integers(0, 3))
    def ack(self, share: int) -> None:
        if self.written:
            self.subscription.ack(self.written[-1] - share)

    @rule(writable=st.booleans())
    def block(self, writable: bool) -> None:
        self.subscription.writable = writable

    @rule(keep=st.booleans())
    def fail_over(self, keep: bool) -> None:
        """A new owner; frames of the old one may still be on their way."""
        self.term += 1
        self.subscription.detach()
        self.subscription.begin("link", self.term)
        if not keep:
            self.stream.clear()
            self.reads.clear()
        self._subscribe(self.subscription.acked if self.subscription.established else self.start)

    def _write(self, frames: list[OutMessage]) -> None:
        self.written += seqs(frames)

    def _expected(self) -> list[int]:
        return [
            each.seq
            for each in self.log
            if each.seq > self.start
            and each.exclude != ME
            and not (each.presence and each.seq <= self.floor)
        ]

    @invariant()
    def every_entry_once_in_order(self) -> None:
        if hasattr(self, "start"):
            assert self.written == self._expected()[: len(self.written)]

    @invariant()
    def the_window_holds(self) -> None:
        assert len(self.subscription._open) <= self.window.messages
        assert (
            self.subscription._open_bytes <= self.window.bytes or len(self.subscription._open) == 1
        )

    def teardown(self) -> None:
        if not hasattr(self, "start"):
            return
        self.block(True)
        # One more push shows a hole that nobody told of.
        self.log.append(frame(len(self.log) + 1))
        self.stream.append(("push", (self.term, self.log[-1:])))
        for _ in range(8 * len(self.log) + len(self.stream) + 20):
            self.ack(0)
            self.fetch()
            if self.reads:
                self.answer_a_read()
            if self.stream:
                self.deliver()
        assert self.written == self._expected()
        assert self.subscription.mode is Mode.LIVE
        self.ack(0)
        assert self.subscription.acked == len(self.log)


TestSubscriptionMachine = SubscriptionMachine.TestCase
TestSubscriptionMachine.settings = settings(max_examples=100, stateful_step_count=30)


@given(st.lists(st.integers(0, 20)))
def test_the_acknowledged_position_never_goes_back(acks: list[int]) -> None:
    subscription = following(window=Window(messages=20, bytes=10_000))
    subscription.push(1, run(1, 10))
    seen = [0]
    for seq in acks:
        subscription.ack(seq)
        seen.append(subscription.acked)

    assert seen == sorted(seen)
    assert seen[-1] == min(10, max([0, *acks]))
