"""One WebSocket session: from its handshake to its close. PURE.

Handlers return what is to be done; `now` is seconds of a monotonic clock.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from kull_edge.errors import BadMessage, BadToken
from kull_edge.measures.deliveries import DeliveryMeasures
from kull_edge.protocol import messages
from kull_edge.protocol.handshake import Handshake
from kull_edge.protocol.outgoing import OutMessage
from kull_edge.protocol.server_messages import RecoveryLost, queue_name, welcome_json
from kull_edge.session.config import SessionConfig
from kull_edge.session.conversation import WARN_EVERY, Conversation
from kull_edge.session.credential import Credential
from kull_edge.session.deadlines import Deadline, Deadlines
from kull_edge.session.effects import Close, Cut, Effect, Opened, Ping, Subscribe, Write
from kull_edge.session.introduction import Introduction
from kull_edge.session.pings import KEEPALIVE_PAYLOAD, Keepalive, PositionPings, Verdict
from kull_edge.session.rates import Rates
from kull_edge.session.replies import Replies
from kull_edge.session.state import State
from kull_edge.session.subscription import Outcome, Subscription
from kull_edge.session.subscriptions import Subscriptions
from kull_edge.timers import Timers
from kull_protos.common.rates import Buckets
from kull_protos.contract import addresses, close_codes
from kull_protos.contract.close_codes import CloseCode
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1 import attach_pb2 as pb


class Session:
    """See the module's text. Made by the hub, which also carries out its wishes."""

    def __init__(
        self,
        session_id: int,
        handshake: Handshake,
        *,
        config: SessionConfig,
        timers: Timers[Any],
        request_ids: Iterator[int],
        user_rates: Buckets,
        wall_ms: Callable[[], int],
        rng: random.Random,
        measures: DeliveryMeasures,
    ) -> None:
        self.id = session_id
        self.state = State.HELLO
        self.subscriptions = Subscriptions(config.window, measures)
        self.user_address = ""
        self._handshake = handshake
        self._config = config
        self._rng = rng
        self._deadlines = Deadlines(session_id, timers)
        self._replies = Replies(session_id, v2=handshake.v2, wall_ms=wall_ms)
        self._credential = Credential(
            handshake.token or "", replies=self._replies, deadlines=self._deadlines, wall_ms=wall_ms
        )
        self._rates = Rates(config, user_rates)
        self._conversation = Conversation(
            config,
            v2=handshake.v2,
            subscriptions=self.subscriptions,
            credential=self._credential,
            replies=self._replies,
            request_ids=request_ids,
            rates=self._rates,
        )
        self._introduction = Introduction(handshake)
        self._keepalive = Keepalive(config.keepalive, config.pong_timeout, 0.0)
        # A v2 device acknowledges by itself.
        self._positions = None if handshake.v2 else PositionPings()
        self._errors = 0
        self._warn_at = 0.0

    @property
    def own_link(self) -> str:
        """Which link serves the user's own queue; empty: none."""
        own = self.subscriptions.get(self.user_address)
        return own.link if own else ""

    @property
    def second(self) -> Subscription | None:
        """Its subscription of `all`, which waits for the owner of the user's own queue to answer.

        None: it has answered, or is not asked yet.
        """
        attaching = self.state is State.ATTACHING
        return self.subscriptions.get(addresses.ALL) if attaching else None

    @property
    def user_id(self) -> str:
        """Whose device it says it is; empty until then."""
        return self._replies.user_id

    # From the socket

    def start(self, now: float) -> list[Effect]:
        """The WebSocket is open: identify the device, or wait for its HELLO."""
        self._keepalive.received(now)
        self._introduction.opened(now)
        if self._handshake.problem:
            code = close_codes.POLICY_VIOLATION
            return self._fail(ErrorCode.INVALID_MESSAGE, self._handshake.problem, code)
        if self._handshake.token is not None:
            return self._identify(now)
        if not self._handshake.v2:
            return self._refuse(CloseCode.NO_TOKEN, "connect to /ws?token=<token>")
        self._deadlines.set(Deadline.HELLO, now + self._config.hello_timeout)
        return []

    def text(self, data: str, now: float) -> list[Effect]:
        """The device sent a message."""
        try:
            message = messages.parse(data)
            if isinstance(message, messages.Hello):
                return self._hello(message, now)
            return self._conversation.take(message, state=self.state, now=now)
        except BadMessage as error:
            return self._bad_message(error)

    def binary(self) -> list[Effect]:
        """The device sent a binary message."""
        return self._fail(ErrorCode.BINARY_FRAME, "send JSON as text", close_codes.UNSUPPORTED_DATA)

    def throttled(self, now: float) -> list[Effect]:
        """The device sends more than it may: tell it, now and then."""
        if now < self._warn_at or self.state is not State.OPEN:
            return []
        self._warn_at = now + WARN_EVERY
        why = "you send more than is allowed and are read more slowly: send less"
        return self._replies.error(ErrorCode.RATE_LIMITED, why)

    def pong(self, payload: bytes, now: float) -> list[Effect]:
        """A pong came: in the plain dialect it acknowledges what was written before its ping."""
        if self._positions:
            self._positions.pong(payload, now)
        return self._ping_position()

    def received(self, now: float) -> None:
        """Bytes came: the peer is alive."""
        self._keepalive.received(now)

    def due(self, deadline: Deadline, now: float) -> list[Effect]:
        """A deadline of this session has come."""
        match deadline:
            case Deadline.HELLO:
                why = f"send HELLO within {self._config.hello_timeout:g} s"
                return self._refuse(CloseCode.HELLO_TIMEOUT, why)
            case Deadline.ATTACH:
                return self._refuse(CloseCode.ATTACH_TIMEOUT, "no router answers, try again")
            case Deadline.EXPIRY:
                return self._credential.expired(now)
            case Deadline.END:
                return self._refuse(CloseCode.TOKEN_EXPIRED, "connect with a new token")
            case Deadline.KEEPALIVE:
                return self._check_peer(now)
            case Deadline.DRAIN:
                return self._close(CloseCode.RECONNECT, CloseCode.RECONNECT.meaning)

    def drain(self, slot: float, now: float) -> list[Effect]:
        """The device is to go to another edge: it is served until its slot, in so many seconds."""
        told = self._replies.reconnect(slot)
        if self.state is not State.OPEN:
            return told + self._close(CloseCode.RECONNECT, CloseCode.RECONNECT.meaning)
        self._deadlines.set(Deadline.DRAIN, now + slot)
        return told

    def closed(self) -> None:
        """The socket is gone."""
        self.state = State.CLOSED
        self._deadlines.cancel()

    # From the routers

    def subscribe_request(self, subscription: Subscription) -> pb.Subscribe:
        """Return what to send to the owner of a queue that this session follows."""
        return self._introduction.subscribe(
            self.id,
            subscription,
            token=self._credential.token,
            start=self._conversation.start(subscription.address),
            place=self._conversation.place(subscription.address),
            history=self._conversation.history(subscription.address),
        )

    def also(self, second: Subscription) -> pb.Also:
        """Return what to ask of the second queue, of the owner of both."""
        return self._introduction.also(second.address)

    def subscribed(self, answer: pb.Subscribed, now: float) -> list[Effect]:
        """An owner took the session."""
        own = answer.address == self.user_address
        outcome = self.subscriptions[answer.address].subscribed(answer)
        self._conversation.member(answer)
        match outcome:
            case Outcome.STALE:
                return []
            case Outcome.OTHER_EPOCH:
                why = "the log was reset: connect again without a position"
                return self._refuse(CloseCode.RESUBSCRIBE, why)
            case Outcome.FIRST:
                return self._welcome(answer, now) if own else self._joined(answer)
            case Outcome.AGAIN:
                return self._conversation.settled(answer.address)
            case Outcome.LOST:
                lost = self._lost(answer.address, answer.head)
                return lost + self._conversation.settled(answer.address)

    def refused(self, answer: pb.Refused) -> list[Effect]:
        """An owner does not take the session, for good, or not into this room."""
        kept = self._conversation.refused(answer) if answer.keep_session else None
        return self._end(answer.close_code, answer.reason) if kept is None else kept

    def evicted(self, evict: pb.Evict) -> list[Effect]:
        """The router ends the session."""
        return self._end(evict.close_code, evict.reason)

    def pushed(
        self, subscription: Subscription, term: int, pushed: Sequence[OutMessage], now: float
    ) -> list[Effect]:
        """New entries of a queue came."""
        written = subscription.push(term, pushed, now)
        return self._write(written) if written else []

    def fetched(self, answer: pb.Batch, now: float) -> list[Effect]:
        """Entries from the log came."""
        subscription = self.subscriptions[answer.address]
        lost = answer.lost and subscription.awaits(answer)
        entries = [OutMessage.of(entry) for entry in answer.entries]
        written = subscription.batch(answer, entries, now)
        notice = self._lost(answer.address, answer.head) if lost else []
        if not written or self.state is State.CLOSED:
            return notice
        return notice + self._write(written)

    def members(self, data: str) -> list[Effect]:
        """Who is in a room: the data of a PRESENCE, JSON."""
        return self._replies.encoded("PRESENCE", data)

    def published(self, answer: pb.Published) -> list[Effect]:
        """A message of this device became an event, or did not."""
        return self._conversation.published(answer)

    def refreshed(self, answer: pb.Refreshed, now: float) -> list[Effect]:
        """The user's router has looked at the device's new token."""
        return self._credential.refreshed(answer, now)

    @property
    def watched(self) -> list[str]:
        """The users whose status the device watches."""
        return self._conversation.watched

    def watch_request(self, users: Iterable[str]) -> pb.Watch:
        """Return what to ask of the router that owns these users."""
        device_id, token = self.subscriptions.device_id, self._credential.token
        return pb.Watch(session_id=self.id, token=token, device_id=device_id, user_ids=users)

    def statuses(
        self, users: Iterable[pb.UserStatus], forbidden: Iterable[str] = ()
    ) -> list[Effect]:
        """A router told who is there, and who may not be watched."""
        return self._conversation.statuses(users, forbidden)

    def orphaned(self) -> list[Effect]:
        """The user's router is gone: nobody will answer what is open there."""
        return self._conversation.orphaned()

    def stale(self, address: str, seconds: float) -> list[Effect]:
        """No router has served a queue for so long."""
        return self._replies.stale(address, seconds)

    def fresh(self, address: str) -> list[Effect]:
        """The queue is served again, and what was missed follows."""
        return self._replies.fresh(address)

    # Messages of the device

    def _hello(self, message: messages.Hello, now: float) -> list[Effect]:
        if self.state is not State.HELLO:
            raise BadMessage(
                ErrorCode.INVALID_MESSAGE,
                "HELLO is only the first message, and only without another token",
            )
        self._deadlines.cancel(Deadline.HELLO)
        self._credential.show(message.token)
        self._introduction.hello(message)
        return self._identify(now)

    def _identify(self, now: float) -> list[Effect]:
        try:
            who = self._introduction.identify(
                self._credential.token, allow_plain=self._config.allow_plain_tokens, rng=self._rng
            )
        except BadToken as error:
            return self._refuse(CloseCode.BAD_TOKEN, str(error))
        self._replies.user_id = who.user_id
        self.subscriptions.device_id = who.device_id
        self.user_address = addresses.of_user(who.user_id)
        self.state = State.ATTACHING
        self._deadlines.set(Deadline.ATTACH, now + self._config.attach_timeout)
        return [
            self.subscriptions.subscribe(self.user_address),
            self.subscriptions.subscribe(addresses.ALL),
        ]

    def _bad_message(self, error: BadMessage) -> list[Effect]:
        self._errors += 1
        if self._errors >= self._config.max_errors:
            return self._refuse(CloseCode.TOO_MANY_ERRORS, "too many bad messages, fix the client")
        return self._replies.error(error.code, str(error), error.ref)

    # What owners' answers mean

    def _welcome(self, answer: pb.Subscribed, now: float) -> list[Effect]:
        self.state = State.OPEN
        self._rates.belongs_to(self._replies.user_id)
        self._deadlines.cancel(Deadline.ATTACH)
        self._deadlines.set(Deadline.KEEPALIVE, self._keepalive.next_at)
        self._credential.set_end(answer, now)
        self._introduction.welcomed(answer.generation)
        data = welcome_json(
            answer,
            session_id=f"{self._config.node_id}/{self.id}",
            device_id=self.subscriptions.device_id,
            user_id=self._replies.user_id,
            keepalive=self._config.keepalive,
            window=self._config.window.messages,
            ack_delay=self._config.device_ack_delay,
        )
        welcome = self._replies.message("WELCOME", data)
        opened = Opened(self.id, _outcome(answer), self._introduction.took(now))
        return [opened, *welcome, *self._second(answer, now)]

    def _second(self, answer: pb.Subscribed, now: float) -> list[Effect]:
        """Follow `all` as well: its owner has answered with the user's own queue, or is asked."""
        second = self.subscriptions[addresses.ALL]
        if answer.HasField("also") and second.link == self.subscriptions.own.link:
            told = self.subscribed(answer.also, now)
            if second.attached:
                return told
        second.detach()
        return [Subscribe(second)]

    def _joined(self, answer: pb.Subscribed) -> list[Effect]:
        self._introduction.forget_position(answer.address)
        return self._conversation.joined(answer)

    def _lost(self, address: str, head: int) -> list[Effect]:
        if not self._handshake.v2:  # only WELCOME can tell a plain client, and of its own queue
            reason = "this device was too slow: connect again"
            own = address == self.user_address
            return self._refuse(CloseCode.RESUBSCRIBE, reason) if own else []
        data = RecoveryLost(queue=queue_name(address), head=head)
        return self._replies.message("RECOVERY_LOST", data)

    # The connection

    def _check_peer(self, now: float) -> list[Effect]:
        verdict = self._keepalive.check(now)
        if verdict is Verdict.DEAD:
            self.closed()
            return [Cut(self.id, "no_pong")]
        self._deadlines.set(Deadline.KEEPALIVE, self._keepalive.next_at)
        return [Ping(self.id, KEEPALIVE_PAYLOAD)] if verdict is Verdict.PING else []

    def _write(self, written: Sequence[OutMessage]) -> list[Effect]:
        return [Write(self.id, tuple(written)), *self._ping_position()]

    def _ping_position(self) -> list[Effect]:
        payload = self._positions.next(self.subscriptions) if self._positions else None
        return [Ping(self.id, payload)] if payload else []

    def _end(self, code: int, reason: str) -> list[Effect]:
        known = close_codes.find(code)
        return self._refuse(known, reason) if known else self._close(code, reason)

    def _refuse(self, code: CloseCode, reason: str) -> list[Effect]:
        return self._fail(code.label, reason or code.meaning, code)

    def _fail(self, name: str, reason: str, code: int) -> list[Effect]:
        return self._replies.error(name, reason) + self._close(code, reason)

    def _close(self, code: int, reason: str) -> list[Effect]:
        self.closed()
        return [Close(self.id, code, reason)]


def _outcome(answer: pb.Subscribed) -> str:
    if answer.first:
        return "first"
    return "recovered" if answer.recovered else "not_recovered"
