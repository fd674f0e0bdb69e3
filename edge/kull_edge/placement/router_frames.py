"""What routers send, handed to the sessions that it is for. PURE."""

from __future__ import annotations

from kull_edge.measures.deliveries import Pushed
from kull_edge.placement.delivery_traces import DeliveryTraces
from kull_edge.placement.journal import Journal
from kull_edge.placement.placement import Placement
from kull_edge.placement.rosters import Rosters
from kull_edge.placement.sessions import Sessions
from kull_edge.placement.wishes import Wishes
from kull_edge.protocol.outgoing import OutMessage
from kull_edge.session.effects import DrainAsked, Effect, RouterDrains, ToRouter, UnexpectedFrame
from kull_edge.session.subscription import SubscriptionKey
from kull_protos.common.peer_clock import PeerClock
from kull_protos.mesh.v1 import attach_pb2 as pb


class RouterFrames:
    """Takes the frames of all links; `now` is seconds of a monotonic clock.

    pushed: what the last frame has brought, to be measured once it is written.
    """

    def __init__(
        self,
        sessions: Sessions,
        placement: Placement,
        wishes: Wishes,
        journal: Journal,
        traces: DeliveryTraces,
        rosters: Rosters,
    ) -> None:
        self._rosters = rosters
        self.pushed: list[Pushed] = []
        self._clocks: dict[str, PeerClock] = {}  # of routers, by link
        self._journal = journal
        self._traces = traces
        self._sessions = sessions
        self._placement = placement
        self._wishes = wishes

    def heard(self, link: str, sent_us: int, now: float) -> None:
        """A message came: when it was sent, in microseconds of the router's monotonic clock."""
        clock = self._clocks.get(link)
        if clock is None:
            clock = self._clocks[link] = PeerClock()
        clock.heard(sent_us / 1000, now)

    def lost(self, link: str) -> None:
        """The stream has ended: the next one may be of a router with another clock."""
        self._clocks.pop(link, None)

    def take(self, link: str, frame: pb.AttachResponse, now: float) -> list[Effect]:
        """Return what a frame of a living link makes to be done."""
        self.pushed.clear()
        match frame.WhichOneof("frame"):
            case "deliver":
                return self._deliver(link, frame.deliver, now)
            case "batch":
                return self._batch(link, frame.batch, now)
            case "subscribed":
                return self._subscribed(link, frame.subscribed, now)
            case "refused":
                return self._refused(link, frame.refused, now)
            case "shards":
                return self._placement.claimed(link, frame.shards, now)
            case "gap":
                return self._gap(link, frame.gap, now)
            case "roster" | "statuses":
                return self._people(link, frame, now)
            case "published" | "refreshed" | "evict" as kind:
                return self._to_session(link, getattr(frame, kind), now)
            case "drain":
                # Nothing to do yet: its shards will be claimed by another and sessions then move.
                return [RouterDrains(link)]
            case "recall":
                answer = pb.AttachRequest(recalled=self._journal.recalled(frame.recall, now))
                return [ToRouter(link, answer)]
            case "drain_order":
                return [DrainAsked(frame.drain_order.reason)]
            case unknown:
                return [UnexpectedFrame(link, str(unknown))]

    def _deliver(self, link: str, deliver: pb.Deliver, now: float) -> list[Effect]:
        out: list[Effect] = []
        clock = self._clocks.get(link)
        sent = clock.sent_at() if clock else None
        for push in deliver.pushes:
            address = push.address
            following = self._sessions.following(address)
            if not following:
                continue
            stored = 0.0 if sent is None or not push.waited_us else sent - push.waited_us / 1e6
            messages = [OutMessage.of(entry, stored) for entry in push.entries]
            traced = any(message.trace for message in messages)
            heeded = False
            for session, subscription in following:
                if subscription.link == link:
                    heeded = heeded or push.term >= subscription.term
                    effects = session.pushed(subscription, push.term, messages, now)
                    if traced:
                        device = session.subscriptions.device_id
                        self._traces.written(session.id, device, subscription, effects)
                    out += effects
                    out += self._wishes.settle(session, subscription, now)
            if heeded:
                self._journal.pushed(address, push.term, messages, now)
                if stored:
                    self.pushed.append(Pushed(stored, len(messages)))
        return out

    def _batch(self, link: str, answer: pb.Batch, now: float) -> list[Effect]:
        found = self._placement.fetch_answered(link, answer.request_id)
        if not found:
            return self._placement.pump(link)
        session, subscription = found
        before = subscription.through
        effects = session.fetched(answer, now)
        if effects and answer.entries:  # what lay before them may be gone
            first = max(before + 1, answer.entries[0].seq)
            self._journal.caught_up(session, answer.address, first, subscription.through, now)
        if not subscription.live and not effects and subscription.through == before:
            # No progress (store busy, a stale read): not again at once.
            self._placement.retry_later(found.key, now)
            return self._placement.pump(link)
        return self._wishes.carry_out(session, effects, now) + self._placement.pump(link)

    def _subscribed(self, link: str, answer: pb.Subscribed, now: float) -> list[Effect]:
        key = SubscriptionKey(answer.session_id, answer.address)
        found = self._placement.subscribe_answered(link, key)
        if not found:
            return self._placement.pump(link)
        session, subscription = found
        effects = session.subscribed(answer, now)
        if subscription.attached and self._placement.is_served(key):
            effects = session.fresh(key.address) + effects
        out = self._wishes.carry_out(session, effects, now)
        if subscription.attached and answer.HasField("membership"):
            out += self._rosters.member(key, answer)
        return out + self._placement.pump(link)

    def _roster(self, link: str, roster: pb.Roster) -> list[Effect]:
        if self._placement.is_owner(link, roster.address, roster.term):
            return self._rosters.take(roster)
        return []

    def _refused(self, link: str, answer: pb.Refused, now: float) -> list[Effect]:
        key = SubscriptionKey(answer.session_id, answer.address)
        found = self._placement.subscribe_answered(link, key)
        if not found:
            return self._placement.pump(link)
        session, subscription = found
        if answer.close_code or answer.keep_session:
            effects = self._wishes.carry_out(session, session.refused(answer), now)
            return effects + self._placement.pump(link)
        subscription.detach()
        self._placement.retry_later(key, now)
        return self._placement.pump(link)

    def _gap(self, link: str, gap: pb.Gap, now: float) -> list[Effect]:
        out: list[Effect] = []
        for session, subscription in self._sessions.following(gap.address):
            if subscription.link == link:
                subscription.gap(gap.term)
                out += self._wishes.settle(session, subscription, now)
        return out

    def _people(self, link: str, frame: pb.AttachResponse, now: float) -> list[Effect]:
        if frame.HasField("roster"):
            return self._roster(link, frame.roster)
        return self._statuses(link, frame.statuses, now)

    def _statuses(self, link: str, told: pb.Statuses, now: float) -> list[Effect]:
        out: list[Effect] = []
        watches = self._placement.watches
        for session, effects in watches.heard(link, told, now):
            out += self._wishes.carry_out(session, effects, now)
        return out + watches.pump(link)

    def _to_session(
        self, link: str, word: pb.Published | pb.Refreshed | pb.Evict, now: float
    ) -> list[Effect]:
        session = self._sessions.get(word.session_id)
        if session is None:
            return []
        match word:
            case pb.Published():
                effects = session.published(word)
            case pb.Refreshed():
                # The others are told afterwards: their answer must not pass for the next REFRESH's.
                if session.own_link != link:
                    return self._placement.ask_anew(session, link, now) if word.error_code else []
                effects = session.refreshed(word, now)
            case _:
                effects = session.evicted(word)
        return self._wishes.carry_out(session, effects, now)
