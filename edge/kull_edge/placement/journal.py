"""What this edge writes into its flight recorder, and what it answers when it is asked. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from kull_edge.placement.sessions import Sessions
from kull_edge.protocol.outgoing import OutMessage
from kull_edge.session.effects import Close, Cut, Effect
from kull_edge.session.session import Session
from kull_edge.session.subscription import Subscription
from kull_protos.common.flight_recorder import Fact, FlightRecorder, Kind, Query
from kull_protos.contract import addresses
from kull_protos.mesh.v1 import attach_pb2 as pb

_PUSHED: Final = Kind.PUSHED.value
_CAUGHT_UP: Final = Kind.CAUGHT_UP.value


class Journal:
    """Facts of this edge. `now`: seconds of its monotonic clock."""

    def __init__(
        self, sessions: Sessions, *, recorder: FlightRecorder, wall_ms: Callable[[], int]
    ) -> None:
        self._sessions = sessions
        self._recorder = recorder
        self._wall_ms = wall_ms

    @property
    def bytes(self) -> int:
        """How much memory the facts take, roughly."""
        return self._recorder.bytes

    def pushed(self, address: str, term: int, messages: Sequence[OutMessage], now: float) -> None:
        """New entries came for sessions of this edge."""
        first, last = messages[0].seq, messages[-1].seq
        if not (first and last):  # some only count now
            first = min((each.seq for each in messages if each.seq), default=0)
            last = max(each.seq for each in messages)
        if last:
            self._recorder.delivered((_PUSHED, now, address, "", "", "", first, last, term, 0, ""))

    def caught_up(self, session: Session, address: str, first: int, last: int, now: float) -> None:
        """Entries from the log were written to a session."""
        who = (session.user_id, session.subscriptions.device_id)
        self._recorder.delivered((_CAUGHT_UP, now, address, *who, "", first, last, 0, 0, ""))

    def ended(self, session: Session, effects: Iterable[Effect], now: float) -> None:
        """A session is over: by what it wanted done, or by itself."""
        kind, code, why = Kind.GONE, 0, ""
        for effect in effects:
            if isinstance(effect, Close) and effect.session_id == session.id:
                kind, code, why = Kind.CLOSED, effect.code, effect.reason
            elif isinstance(effect, Cut) and effect.session_id == session.id:
                kind, why = Kind.GONE, effect.why
        self.noted(kind, session, now, code=code, why=why)

    def noted(
        self, kind: Kind, session: Session, now: float, *, code: int = 0, why: str = ""
    ) -> None:
        """Something happened to a session, if it is known whose it is.

        Until a router has taken it, its token may be anybody's: only what this edge did is noted.
        """
        if _is_taken(session) or (session.user_id and kind is Kind.CLOSED):
            device = session.subscriptions.device_id
            self._recorder.note(Fact(kind, now, "", session.user_id, device, code=code, text=why))

    def writable(self, session: Session, writable: bool, now: float) -> None:
        """A socket's write buffer is full, or has room again: at times with every message."""
        if _is_taken(session):
            kind = (Kind.WRITABLE if writable else Kind.UNWRITABLE).value
            who = (session.user_id, session.subscriptions.device_id)
            self._recorder.delivered((kind, now, "", *who, "", 0, 0, 0, 0, ""))

    def recalled(self, asked: pb.Recall, now: float) -> pb.Recalled:
        """Return what bears on a question."""
        # Read once for all facts: read for each, what came first may be told last.
        wall_ms = self._wall_ms()

        def wall_ms_of(at: float) -> int:
            return wall_ms - round((now - at) * 1000)

        query = Query("", asked.address, asked.seq, -1, asked.user_id, asked.device_id)
        since = self._recorder.since
        return pb.Recalled(
            request_id=asked.request_id,
            facts=[
                pb.Fact(**{**fact._asdict(), "at": wall_ms_of(fact.at)})
                for fact in self._recorder.recall(query)
            ],
            following=list(self._following(query)),
            since=0 if since is None else wall_ms_of(since),
            now=wall_ms,
        )

    def _following(self, query: Query) -> Iterable[pb.Following]:
        own = addresses.of_user(query.user_id)
        for session, _ in self._sessions.following(own) if query.user_id else ():
            device = session.subscriptions.device_id
            subscription = session.subscriptions.get(query.address or own)
            if subscription and query.device_id in {"", device}:
                yield _stands(session, subscription)


def _is_taken(session: Session) -> bool:
    own = session.subscriptions.get(session.user_address)
    return own is not None and own.established


def _stands(session: Session, subscription: Subscription) -> pb.Following:
    return pb.Following(
        session_id=session.id,
        user_id=session.user_id,
        device_id=session.subscriptions.device_id,
        address=subscription.address,
        mode=subscription.mode.name.lower(),
        through=subscription.through,
        acked=subscription.acked,
        unacknowledged=subscription.unacknowledged,
        writable=subscription.writable,
    )
