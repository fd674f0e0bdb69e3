"""All sessions of an edge, and their way to the routers, without sockets, streams or a clock. PURE.

The hub is told what happens on sockets, links and the clock, and says what is to be done; `now` is
seconds of a monotonic clock. Sockets stay open whatever the routers do.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count

from kull_edge.measures.deliveries import DeliveryMeasures
from kull_edge.placement import drain
from kull_edge.placement.acknowledgements import Acknowledgements, AckTimer
from kull_edge.placement.config import HubConfig
from kull_edge.placement.delivery_traces import DeliveryTraces
from kull_edge.placement.journal import Journal
from kull_edge.placement.placement import Placement, RetryTimer
from kull_edge.placement.rosters import Rosters
from kull_edge.placement.router_frames import RouterFrames
from kull_edge.placement.sessions import Sessions
from kull_edge.placement.staleness import StaleTimer
from kull_edge.placement.watches import WatchTimer
from kull_edge.placement.wishes import Wishes
from kull_edge.protocol.handshake import Handshake
from kull_edge.session.deadlines import SessionTimer
from kull_edge.session.effects import Close, Effect
from kull_edge.session.session import Session
from kull_edge.session.subscription import SubscriptionKey
from kull_edge.timers import Timers
from kull_protos.common.flight_recorder import FlightRecorder, Kind
from kull_protos.common.rates import Buckets
from kull_protos.common.tracing import NO_TRACER, Tracer
from kull_protos.contract.close_codes import CloseCode
from kull_protos.mesh.v1 import attach_pb2 as pb

TimerKey = SessionTimer | RetryTimer | StaleTimer | WatchTimer | AckTimer


class Hub:
    """See the module's text.

    Args:
        routers: how many there should be links to.
        tracer: records what is written to devices.
    """

    def __init__(
        self,
        config: HubConfig,
        *,
        routers: int,
        wall_ms: Callable[[], int],
        rng: random.Random,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._config = config
        self._wall_ms = wall_ms
        self._rng = rng
        self.measures = DeliveryMeasures()
        self._timers: Timers[TimerKey] = Timers()
        self._request_ids = count(1)
        self._user_rates = Buckets(rate=config.user_rate, burst=config.user_burst)
        self._sessions = Sessions()
        self._placement = Placement(
            config,
            self._sessions,
            routers=routers,
            timers=self._timers,
            request_ids=self._request_ids,
            rng=rng,
        )
        self._acknowledgements = Acknowledgements(
            self._sessions, self._timers, delay=config.ack_delay, batch=config.ack_batch
        )
        self._journal = Journal(
            self._sessions,
            recorder=FlightRecorder(config.flight_recorder_bytes),
            wall_ms=wall_ms,
        )
        traces = DeliveryTraces(tracer, config.node_id, given_up=self.measures.traces_given_up)
        self._rosters = Rosters(self._sessions, self.measures)
        self._wishes = Wishes(
            self._sessions,
            self._placement,
            self._acknowledgements,
            self._journal,
            traces,
            self._rosters,
        )
        self._router_frames = RouterFrames(
            self._sessions, self._placement, self._wishes, self._journal, traces, self._rosters
        )

    @property
    def ready(self) -> bool:
        """Whether some shard has an owner."""
        return self._placement.any_owner

    @property
    def next_at(self) -> float | None:
        """When `due` is to be called next."""
        return self._timers.next_at

    @property
    def session_count(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    @property
    def queue_count(self) -> int:
        """How many queues are followed."""
        return len(self._sessions.addresses)

    @property
    def stale_count(self) -> int:
        """How many subscriptions were served once, and are not now."""
        return self._placement.stale_count

    @property
    def link_count(self) -> int:
        """How many streams to routers are open."""
        return self._placement.link_count

    @property
    def recorder_bytes(self) -> int:
        """How much memory the flight recorder takes, roughly."""
        return self._journal.bytes

    def requests(self) -> dict[str, tuple[int, int]]:
        """See `FlowControl.requests`."""
        return self._placement.requests()

    def catching_up(self) -> int:
        """Count the subscriptions that are not live."""
        return self._sessions.catching_up()

    def expect_routers(self, count: int) -> None:
        """There should be links to so many routers now."""
        self._placement.routers = count

    # From the sockets

    def connected(self, session_id: int, handshake: Handshake, now: float) -> list[Effect]:
        """A WebSocket is open."""
        if len(self._sessions) >= self._config.max_connections:
            return [Close(session_id, CloseCode.OVERLOADED, CloseCode.OVERLOADED.meaning)]
        session = Session(
            session_id,
            handshake,
            config=self._config,
            timers=self._timers,
            request_ids=self._request_ids,
            user_rates=self._user_rates,
            wall_ms=self._wall_ms,
            rng=self._rng,
            measures=self.measures,
        )
        self._sessions.add(session)
        return self._wishes.carry_out(session, session.start(now), now)

    def text(self, session_id: int, data: str, now: float) -> list[Effect]:
        """A device sent a text message."""
        session = self._sessions.get(session_id)
        return self._wishes.carry_out(session, session.text(data, now), now) if session else []

    def binary(self, session_id: int, now: float) -> list[Effect]:
        """A device sent a binary message."""
        session = self._sessions.get(session_id)
        return self._wishes.carry_out(session, session.binary(), now) if session else []

    def throttled(self, session_id: int, now: float) -> list[Effect]:
        """A device sends more than it may, and is not read for a moment."""
        session = self._sessions.get(session_id)
        if not session:
            return []
        if told := session.throttled(now):
            self._journal.noted(Kind.THROTTLED, session, now)
        return self._wishes.carry_out(session, told, now)

    def pong(self, session_id: int, payload: bytes, now: float) -> list[Effect]:
        """A device answered a ping."""
        session = self._sessions.get(session_id)
        return self._wishes.carry_out(session, session.pong(payload, now), now) if session else []

    def received(self, session_id: int, now: float) -> None:
        """Bytes came: the peer is alive."""
        if session := self._sessions.get(session_id):
            session.received(now)

    def writable(self, session_id: int, writable: bool, now: float) -> list[Effect]:
        """A socket's write buffer is full, or has room again."""
        session = self._sessions.get(session_id)
        if not session:
            return []
        session.subscriptions.set_writable(writable)
        self._journal.writable(session, writable, now)
        missed = self._rosters.writable(session) if writable else []
        return missed + self._wishes.carry_out(session, [], now)

    def disconnected(self, session_id: int, now: float) -> list[Effect]:
        """A WebSocket is gone."""
        session = self._sessions.get(session_id)
        if not session:
            return []
        session.closed()
        return self._wishes.carry_out(session, [], now)

    # From the links

    def link_up(self, link: str, welcome: pb.Welcome, now: float) -> list[Effect]:
        """A stream to a router is open."""
        return self._placement.link_up(link, welcome, now)

    def link_down(self, link: str, now: float) -> list[Effect]:
        """A stream to a router is gone; what it served waits for another owner."""
        self._router_frames.lost(link)
        self.measures.links_lost.value += 1
        return self._placement.link_down(link, now)

    def link_heard(self, link: str, sent_us: int, now: float) -> None:
        """A message of a router came: see `RouterFrames.heard`."""
        self._router_frames.heard(link, sent_us, now)

    def written(self, now: float) -> None:
        """What the last frame of a router had to be written has been."""
        if pushed := self._router_frames.pushed:
            self.measures.written(pushed, now)

    def link_frame(self, link: str, frame: pb.AttachResponse, now: float) -> list[Effect]:
        """A router sent a frame."""
        return self._router_frames.take(link, frame, now) if self._placement.has(link) else []

    # From the clock, and from whoever runs the edge

    def due(self, now: float) -> list[Effect]:
        """Do what the deadlines that have come ask for."""
        out: list[Effect] = []
        for key in self._timers.due(now):
            match key:
                case SessionTimer(session_id, deadline):
                    if session := self._sessions.get(session_id):
                        effects = session.due(deadline, now)
                        out += self._wishes.carry_out(session, effects, now)
                case StaleTimer(subscription):
                    out += self._waits(subscription, now)
                case RetryTimer():
                    out += self._retry(key, now)
                case WatchTimer(session_id):
                    out += self._placement.watches.retry(session_id)
                case AckTimer.FLUSH:
                    out += self._acknowledgements.due(now)
        return out

    def flush_acks(self) -> list[Effect]:
        """Send the acknowledgements that wait."""
        return self._acknowledgements.flush()

    def drain(self, within: float, now: float) -> list[Effect]:
        """This edge goes away: give every session a time slot of its own to go elsewhere.

        They are spread over at most `within` seconds, see `drain.slots`.
        """
        sessions = self._sessions.all()
        out: list[Effect] = []
        slots = drain.slots(len(sessions), within, self._rng)
        for session, slot in zip(sessions, slots, strict=True):
            out += self._wishes.carry_out(session, session.drain(slot, now), now)
        return out + self.flush_acks()

    def _waits(self, key: SubscriptionKey, now: float) -> list[Effect]:
        """A subscription has been without an owner for too long."""
        found, waited = self._sessions.find(key), self._placement.waited(key, now)
        if not found or not waited:
            return []
        session, (seconds, news) = found.session, waited
        out = session.stale(key.address, seconds) if news else []
        if key.address == session.user_address and self._placement.is_to_move(key, seconds):
            out += session.drain(drain.slot(len(self._sessions), self._rng), now)
        return self._wishes.carry_out(session, out, now)

    def _retry(self, key: SubscriptionKey, now: float) -> list[Effect]:
        found = self._sessions.find(key)
        if not found:
            return []
        if not found.subscription.link:
            return self._placement.retry(found.key)
        return self._wishes.carry_out(found.session, [], now)
