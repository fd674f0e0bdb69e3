"""All sessions of an edge, and their way to the routers. PURE.

The hub gives every queue's sessions to the owner of the queue's shard, moves them when ownership
moves, spreads pushes, and keeps requests within their credits. Sockets stay open throughout.
Methods return what is to be done; `now` is seconds of a monotonic clock.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from enum import Enum, auto
from itertools import count

import structlog

from kull_edge.placement import drain as leaving
from kull_edge.placement.owners import LinkState, Seat
from kull_edge.placement.placement import Placing, RetryTimer
from kull_edge.placement.staleness import StaleTimer
from kull_edge.protocol.handshake import Handshake
from kull_edge.protocol.outgoing import OutFrame
from kull_edge.session.config import HubConfig
from kull_edge.session.effects import (
    Close,
    Effect,
    Join,
    Leave,
    LogoutWish,
    Part,
    PublishWish,
    RefreshWish,
    ToRouter,
)
from kull_edge.session.session import Session
from kull_edge.session.state import SessionTimer, State
from kull_edge.session.subscription import Follow, Mode
from kull_edge.timers import Timers
from kull_protos.contract.close_codes import CloseCode
from kull_protos.mesh.v1 import attach_pb2 as pb

log = structlog.get_logger(__name__)


class HubTimer(Enum):
    """The hub's own deadline."""

    ACKS = auto()


TimerKey = SessionTimer | RetryTimer | StaleTimer | HubTimer


class Hub:
    """See the module's text."""

    def __init__(
        self, config: HubConfig, *, wall_ms: Callable[[], int], rng: random.Random
    ) -> None:
        self._config = config
        self._wall_ms = wall_ms
        self._rng = rng
        self._timers: Timers[TimerKey] = Timers()
        self._sessions: dict[int, Session] = {}
        self._acks: dict[Seat, int] = {}
        self._request_ids = count(1)
        self._placing = Placing(
            config, self._sessions, timers=self._timers, request_ids=self._request_ids, rng=rng
        )
        self._lines = self._placing.lines

    @property
    def ready(self) -> bool:
        """Whether some shard has an owner."""
        return self._placing.any_owner

    @property
    def next_at(self) -> float | None:
        """When `due` is to be called next."""
        return self._timers.next_at

    @property
    def session_count(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    @property
    def addresses(self) -> int:
        """How many queues are followed."""
        return len(self._placing.members)

    def catching_up(self) -> int:
        """Count the seats that are not live."""
        return sum(
            follow.mode is not Mode.LIVE
            for session in self._sessions.values()
            for follow in session.follows.values()
        )

    # From the sockets

    def connected(self, session_id: int, handshake: Handshake, now: float) -> list[Effect]:
        """A WebSocket is open."""
        if len(self._sessions) >= self._config.max_sessions:
            return [Close(session_id, CloseCode.OVERLOADED, CloseCode.OVERLOADED.meaning)]
        session = Session(
            session_id,
            handshake,
            config=self._config.session,
            timers=self._timers,
            request_ids=self._request_ids,
            wall_ms=self._wall_ms,
            rng=self._rng,
        )
        self._sessions[session_id] = session
        return self._carry_out(session, session.start(now), now)

    def text(self, session_id: int, data: str, now: float) -> list[Effect]:
        """A device sent a text frame."""
        session = self._sessions.get(session_id)
        return self._carry_out(session, session.text(data, now), now) if session else []

    def throttled(self, session_id: int, now: float) -> list[Effect]:
        """A device sends more than it may, and is not read for a moment."""
        session = self._sessions.get(session_id)
        return self._carry_out(session, session.throttled(now), now) if session else []

    def binary(self, session_id: int, now: float) -> list[Effect]:
        """A device sent a binary frame."""
        session = self._sessions.get(session_id)
        return self._carry_out(session, session.binary(), now) if session else []

    def pong(self, session_id: int, payload: bytes, now: float) -> list[Effect]:
        """A device answered a ping."""
        session = self._sessions.get(session_id)
        return self._carry_out(session, session.pong(payload), now) if session else []

    def received(self, session_id: int, now: float) -> None:
        """Bytes came: the peer is alive."""
        if session := self._sessions.get(session_id):
            session.keepalive.last_received = now

    def writable(self, session_id: int, writable: bool, now: float) -> list[Effect]:
        """A socket's write buffer is full, or has room again."""
        session = self._sessions.get(session_id)
        if not session:
            return []
        session.writable(writable)
        return self._carry_out(session, [], now)

    def disconnected(self, session_id: int, now: float) -> list[Effect]:
        """A WebSocket is gone."""
        session = self._sessions.get(session_id)
        if not session:
            return []
        session.closed()
        return self._carry_out(session, [], now)

    def leave(self, within: float, now: float) -> list[Effect]:
        """This edge is leaving: give every session a time slot of its own to go elsewhere.

        They are spread over at most `within` seconds, see `leaving.slots`.
        """
        sessions = list(self._sessions.values())
        out: list[Effect] = []
        slots = leaving.slots(len(sessions), within, self._rng)
        for session, slot in zip(sessions, slots, strict=True):
            out += self._carry_out(session, session.leave(slot, now), now)
        return out + self.flush_acks()

    # From the clock

    def due(self, now: float) -> list[Effect]:
        """Do what the deadlines that have come ask for."""
        out: list[Effect] = []
        for key in self._timers.due(now):
            match key:
                case SessionTimer(session_id, kind):
                    if session := self._sessions.get(session_id):
                        out += self._carry_out(session, session.timer(kind, now), now)
                case StaleTimer(seat):
                    out += self._waits(seat, now)
                case RetryTimer(session_id, address):
                    out += self._retry(Seat(session_id, address), now)
                case HubTimer.ACKS:
                    out += self.flush_acks()
        return out

    def _waits(self, seat: Seat, now: float) -> list[Effect]:
        """A seat has been without an owner for too long."""
        found, waited = self._placing.find(seat), self._placing.waiting.look(seat, now)
        if not found or not waited:
            return []
        session, (seconds, news) = found[0], waited
        out = session.stale(seat.address, seconds) if news else []
        own = seat.address == session.user_address
        if own and seconds >= self._config.away_after and self._placing.is_cut_off(seat.address):
            self._placing.waiting.ends(seat)
            out += session.leave(leaving.slot(len(self._sessions), self._rng), now)
        return self._carry_out(session, out, now)

    def flush_acks(self) -> list[Effect]:
        """Send the acknowledgements that wait."""
        by_link: dict[str, pb.Acks] = {}
        for seat, seq in self._acks.items():
            found = self._placing.find(seat)
            # Without an owner there is nobody to tell; the next Subscribe carries the position.
            if found and found[1].link in self._placing.links:
                acks = by_link.setdefault(found[1].link, pb.Acks())
                acks.acks.append(pb.Ack(session_id=seat.session_id, address=seat.address, seq=seq))
        self._acks.clear()
        self._timers.cancel(HubTimer.ACKS)
        return [ToRouter(link, pb.AttachRequest(acks=acks)) for link, acks in by_link.items()]

    # From the links

    def link_up(self, link: str, welcome: pb.Welcome, now: float) -> list[Effect]:
        """A stream to a router is open."""
        return self._placing.link_up(link, welcome, now)

    def link_down(self, link: str, now: float) -> list[Effect]:
        """A stream to a router is gone; its sessions wait for another owner."""
        return self._placing.link_down(link, now)

    def link_frame(self, link: str, frame: pb.AttachResponse, now: float) -> list[Effect]:
        """A router sent a frame."""
        state = self._placing.links.get(link)
        if state is None:
            return []
        match frame.WhichOneof("frame"):
            case "deliver":
                return self._deliver(link, frame.deliver, now)
            case "batch":
                return self._batch(link, state, frame.batch, now)
            case "subscribed":
                return self._subscribed(link, state, frame.subscribed, now)
            case "refused":
                return self._refused(link, state, frame.refused, now)
            case "shards":
                return self._placing.owns(state, frame.shards, now)
            case "gap":
                return self._gap(link, frame.gap, now)
            case "published" | "refreshed" | "evict" as kind:
                return self._to_session(link, getattr(frame, kind), now)
            case "drain":
                # Nothing to do yet: its shards will be claimed by another and sessions then move.
                log.info("router_drains", link=link)
                return []
            case "drain_order":
                return [Leave(frame.drain_order.reason)]
            case unknown:
                log.warning("unexpected_frame", link=link, frame=unknown)
                return []

    def _deliver(self, link: str, deliver: pb.Deliver, now: float) -> list[Effect]:
        out: list[Effect] = []
        for push in deliver.pushes:
            members = self._placing.members.get(push.address)
            if not members:
                continue
            frames = [OutFrame.of(entry) for entry in push.entries]
            for session in list(members.values()):
                follow = session.follows[push.address]
                if follow.link == link:
                    effects = session.pushed(push.address, push.term, frames)
                    out += self._carry_out(session, effects, now, [follow])
        return out

    def _batch(self, link: str, state: LinkState, answer: pb.Batch, now: float) -> list[Effect]:
        seat = state.fetching.pop(answer.request_id, None)
        if seat is None:
            return []
        state.fetches.give()
        found = self._placing.find(seat)
        if not found or found[1].fetching != answer.request_id:
            return self._lines.pump(link)
        session, follow = found
        before = follow.through
        effects = session.fetched(answer)
        if follow.mode is Mode.CATCHING_UP and not effects and follow.through == before:
            # No progress (store busy, a stale read): not again at once.
            self._placing.retry_later(seat, now)
            return self._lines.pump(link)
        return self._carry_out(session, effects, now) + self._lines.pump(link)

    def _subscribed(
        self, link: str, state: LinkState, answer: pb.Subscribed, now: float
    ) -> list[Effect]:
        seat = Seat(answer.session_id, answer.address)
        self._lines.answered(state, seat)
        found = self._placing.find(seat)
        if not found or found[1].link != link:
            return self._lines.pump(link)
        session, follow = found
        effects = session.subscribed(answer, now)
        if follow.mode is not Mode.ATTACHING and self._placing.waiting.ends(seat):
            effects = session.fresh(seat.address) + effects
        return self._carry_out(session, effects, now) + self._lines.pump(link)

    def _refused(self, link: str, state: LinkState, answer: pb.Refused, now: float) -> list[Effect]:
        seat = Seat(answer.session_id, answer.address)
        self._lines.answered(state, seat)
        found = self._placing.find(seat)
        if not found or found[1].link != link:
            return self._lines.pump(link)
        session, follow = found
        if answer.close_code or answer.keep_session:
            return self._carry_out(session, session.refused(answer), now) + self._lines.pump(link)
        follow.detach()
        self._placing.retry_later(seat, now)
        return self._lines.pump(link)

    def _gap(self, link: str, gap: pb.Gap, now: float) -> list[Effect]:
        out: list[Effect] = []
        for session in list(self._placing.members.get(gap.address, {}).values()):
            follow = session.follows[gap.address]
            if follow.link == link:
                follow.gap(gap.term)
                out += self._carry_out(session, [], now)
        return out

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
                own = session.follows.get(session.user_address)
                # The others are told afterwards: their answer must not pass for the next REFRESH's.
                effects = session.refreshed(word, now) if own and own.link == link else []
            case _:
                effects = session.evicted(word)
        return self._carry_out(session, effects, now)

    def _retry(self, seat: Seat, now: float) -> list[Effect]:
        found = self._placing.find(seat)
        if not found:
            return []
        session, follow = found
        if not follow.link:
            return self._lines.seek(seat)
        return self._carry_out(session, [], now)

    # Carrying out what sessions want

    def _carry_out(
        self,
        session: Session,
        effects: Iterable[Effect],
        now: float,
        moved: Iterable[Follow] | None = None,
    ) -> list[Effect]:
        """Do what a session wants. `moved`: the only places that may have changed, if known."""
        out: list[Effect] = []
        for effect in effects:
            match effect:
                case Join(address):
                    out += self._placing.join(session, address)
                case Part(address):
                    out += self._give_up(session, session.follows.pop(address))
                case PublishWish() | LogoutWish():
                    out += self._ask_owner(session, effect)
                case RefreshWish():
                    out += self._refresh(session, effect)
                case _:
                    out.append(effect)
        if session.state is State.CLOSED:
            return out + self._forget(session)
        for follow in session.follows.values() if moved is None else moved:
            out += self._settle(session, follow, now)
        return out

    def _ask_owner(self, session: Session, wish: PublishWish | LogoutWish) -> list[Effect]:
        follow = session.follows[session.user_address]
        if follow.mode is Mode.ATTACHING:
            return session.orphaned()
        if isinstance(wish, LogoutWish):
            logout = pb.Logout(request_id=wish.request_id, session_id=session.id)
            return [ToRouter(follow.link, pb.AttachRequest(logout=logout))]
        request = pb.Publish(
            request_id=wish.request_id,
            session_id=session.id,
            type=wish.type,
            payload=wish.payload,
        )
        return [ToRouter(follow.link, pb.AttachRequest(publish=request))]

    def _refresh(self, session: Session, wish: RefreshWish) -> list[Effect]:
        own = session.follows[session.user_address].link
        if not wish.others:
            links = {own}
        else:
            links = {follow.link for follow in session.follows.values()} - {own}
        if not wish.others and not own:
            return session.orphaned()
        request = pb.Refresh(session_id=session.id, token=wish.token)
        return [ToRouter(link, pb.AttachRequest(refresh=request)) for link in sorted(links) if link]

    def _settle(self, session: Session, follow: Follow, now: float) -> list[Effect]:
        """Report moved acknowledgements, and fetch if the session can take more."""
        if not follow.link or follow.mode is Mode.ATTACHING:
            return []
        acked, fetches = follow.acked, follow.fetch_size() is not None
        if acked <= follow.reported and not fetches:
            return []
        seat = Seat(session.id, follow.address)
        out: list[Effect] = []
        if acked > follow.reported:
            follow.reported = self._acks[seat] = acked
            if len(self._acks) >= self._config.ack_batch:
                out += self.flush_acks()
            elif len(self._acks) == 1:
                self._timers.schedule(HubTimer.ACKS, now + self._config.ack_delay)
        if fetches:
            out += self._lines.fetch(follow.link, seat)
        return out

    def _forget(self, session: Session) -> list[Effect]:
        """The session has ended: flush its acknowledgements and give up its seats."""
        if self._sessions.pop(session.id, None) is None:
            return []
        out: list[Effect] = []
        for follow in session.follows.values():
            out += self._give_up(session, follow)
        return out

    def _give_up(self, session: Session, follow: Follow) -> list[Effect]:
        seat = Seat(session.id, follow.address)
        self._placing.leave(seat)
        unsent = self._acks.pop(seat, None) is not None or follow.acked > follow.reported
        if follow.link not in self._placing.links:
            return []
        out = self._goodbye(seat, follow, unsent=unsent)
        return out + self._lines.pump(follow.link)

    def _goodbye(self, seat: Seat, follow: Follow, *, unsent: bool) -> list[Effect]:
        session_id, address = seat
        out: list[Effect] = []
        if unsent and follow.joined:
            ack = pb.Ack(session_id=session_id, address=address, seq=follow.acked)
            out.append(ToRouter(follow.link, pb.AttachRequest(acks=pb.Acks(acks=[ack]))))
        request = pb.Unsubscribe(session_id=session_id, address=address)
        return [*out, ToRouter(follow.link, pb.AttachRequest(unsubscribe=request))]
