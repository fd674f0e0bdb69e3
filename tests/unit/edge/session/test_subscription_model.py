"""Whatever a stream drops, delays and repeats: every entry in order, exactly once."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kull_edge.protocol.outgoing import OutMessage
from kull_edge.session.subscription import Mode, Outcome, Subscription, Window
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.session.entries import ME, following, frame, run, seqs


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
