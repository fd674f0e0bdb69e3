"""One WebSocket session: from its handshake to its close. PURE.

Handlers return what is to be done; `now` is seconds of a monotonic clock.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from kull_edge.errors import BadFrame, BadToken
from kull_edge.protocol import messages as frames
from kull_edge.protocol import token_peek as auth
from kull_edge.protocol.handshake import Handshake
from kull_edge.protocol.outgoing import OutFrame
from kull_edge.protocol.server_messages import (
    Fresh,
    Pong,
    Reconnect,
    RecoveryLost,
    Stale,
    TokenExpired,
    joined_json,
    place_json,
    queue_name,
    welcome_json,
)
from kull_edge.session.config import SessionConfig
from kull_edge.session.credential import Credential
from kull_edge.session.effects import (
    Close,
    Cut,
    Effect,
    Join,
    LogoutWish,
    Ping,
    PublishWish,
    RefreshWish,
    Write,
)
from kull_edge.session.pings import KEEPALIVE_PAYLOAD, Keepalive, PositionPings, Verdict
from kull_edge.session.replies import Voice
from kull_edge.session.requests import Requests
from kull_edge.session.rooms import Rooms
from kull_edge.session.state import SessionTimer, State, TimerKind
from kull_edge.session.subscription import Follow, Joined
from kull_edge.timers import Timers
from kull_protos.common.rates import Bucket
from kull_protos.contract import addresses, close_codes
from kull_protos.contract.close_codes import CloseCode
from kull_protos.mesh.v1.attach_pb2 import (
    Batch,
    Device,
    Evict,
    Generation,
    Position,
    Published,
    Refreshed,
    Refused,
    Subscribe,
    Subscribed,
)

ALL: Final = "all"
WARN_EVERY: Final = 10.0  # seconds


class Session:
    """See the module's text. Made by the hub, which also carries out `Join` and `PublishWish`."""

    def __init__(
        self,
        session_id: int,
        handshake: Handshake,
        *,
        config: SessionConfig,
        timers: Timers[Any],
        request_ids: Iterator[int],
        wall_ms: Callable[[], int],
        rng: random.Random,
    ) -> None:
        self.id = session_id
        self.state = State.HELLO
        self.follows: dict[str, Follow] = {}
        self.user_address = ""
        self.keepalive = Keepalive(config.keepalive, config.pong_timeout, 0.0)
        self._handshake = handshake
        self._config = config
        self._timers = timers
        self._wall_ms = wall_ms
        self._rng = rng
        self._voice = Voice(session_id, v2=handshake.v2, wall_ms=wall_ms)
        self._requests = Requests(
            self._voice,
            ids=request_ids,
            limit=config.max_publishes,
            rate=Bucket(rate=config.publish_rate, burst=config.publish_burst),
        )
        self._warn_at = 0.0
        self._connected_at = wall_ms()
        self._credential = Credential(handshake.token or "")
        self._device = Device(device_id=handshake.device_id, instance=handshake.instance)
        self._generation: Generation | None = None
        self._epoch, self._after = handshake.epoch, handshake.after
        self._errors = 0
        # A v2 device acknowledges by itself.
        self._positions = None if handshake.v2 else PositionPings()
        self._writable = True
        self._rooms: Rooms | None = None  # most devices have none

    # From the socket

    def start(self, now: float) -> list[Effect]:
        """The WebSocket is open: identify the device, or wait for its HELLO."""
        self.keepalive.last_received = now
        if self._handshake.problem:
            return self._fail(
                "invalid_message", self._handshake.problem, close_codes.POLICY_VIOLATION
            )
        if self._handshake.token is not None:
            return self._identify(now)
        if not self._handshake.v2:
            return self._refuse(CloseCode.NO_TOKEN, "connect to /ws?token=<token>")
        self._schedule(TimerKind.HELLO, now + self._config.hello_timeout)
        return []

    def text(self, data: str, now: float) -> list[Effect]:
        """The device sent a text frame."""
        try:
            message = frames.parse(data)
            match message:
                case frames.Hello():
                    return self._hello(message, now)
                case frames.Ack():
                    return self._ack(message)
                case frames.UpdateProgress():
                    return self._publish(message, now)
                case frames.Refresh():
                    return self._refresh(message)
                case frames.JoinRoom() | frames.LeaveRoom() | frames.Typing():
                    return self._room(message, now)
                case frames.Logout():
                    return self._logout(message)
                case frames.Ping():
                    return self._pong()
        except BadFrame as error:
            return self._bad_frame(error)

    def binary(self) -> list[Effect]:
        """The device sent a binary frame."""
        return self._fail("binary_frame", "send JSON in text frames", close_codes.UNSUPPORTED_DATA)

    def throttled(self, now: float) -> list[Effect]:
        """The device sends more than it may: tell it, now and then."""
        if now < self._warn_at or self.state is not State.OPEN:
            return []
        self._warn_at = now + WARN_EVERY
        why = "you send more than is allowed and are read more slowly: send less"
        return self._voice.error("rate_limited", why)

    def pong(self, payload: bytes) -> list[Effect]:
        """A pong came: in the plain dialect it acknowledges what was written before its ping."""
        if self._positions:
            self._positions.pong(payload)
        return self._ping_position()

    def writable(self, writable: bool) -> None:
        """The socket's write buffer is full, or has room again."""
        self._writable = writable
        for follow in self.follows.values():
            follow.writable = writable

    def timer(self, kind: TimerKind, now: float) -> list[Effect]:
        """A deadline of this session has come."""
        match kind:
            case TimerKind.HELLO:
                return self._refuse(
                    CloseCode.HELLO_TIMEOUT, f"send HELLO within {self._config.hello_timeout:g} s"
                )
            case TimerKind.ATTACH:
                return self._refuse(CloseCode.ATTACH_TIMEOUT, "no router answers, try again")
            case TimerKind.EXPIRY:
                return self._expired(now)
            case TimerKind.END:
                return self._refuse(CloseCode.TOKEN_EXPIRED, "connect with a new token")
            case TimerKind.KEEPALIVE:
                return self._keepalive(now)
            case TimerKind.LEAVE:
                return self._close(CloseCode.RECONNECT, CloseCode.RECONNECT.meaning)

    def leave(self, slot: float, now: float) -> list[Effect]:
        """The edge is leaving: the device is served until its slot, seconds from now, comes."""
        frame = self._voice.envelope().message("RECONNECT", Reconnect(after=round(1000 * slot)))
        if self.state is not State.OPEN:
            return self._close(CloseCode.RECONNECT, CloseCode.RECONNECT.meaning, frame)
        self._schedule(TimerKind.LEAVE, now + slot)
        return self._voice.say(frame)

    def closed(self) -> None:
        """The socket is gone."""
        self.state = State.CLOSED
        self._rooms = None  # it refers to this session: a cycle would outlive it
        for kind in TimerKind:
            self._timers.cancel(SessionTimer(self.id, kind))

    # From the router

    def subscribe_request(self, address: str) -> Subscribe:
        """Return what to send to the owner of a queue that this session follows."""
        follow = self.follows[address]
        request = Subscribe(
            session_id=self.id, address=address, token=self._credential.token, device=self._device
        )
        queue = queue_name(address)
        if follow.joined:
            request.position.CopyFrom(Position(epoch=follow.epoch, seq=follow.acked))
        elif self._rooms and (start := self._rooms.start(address)):
            request.position.CopyFrom(start)
        elif queue in self._after:
            request.position.CopyFrom(Position(epoch=self._epoch, seq=self._after[queue]))
        if self._generation is not None:
            request.generation.CopyFrom(self._generation)
        return request

    def subscribed(self, answer: Subscribed, now: float) -> list[Effect]:
        """An owner took the session."""
        follow = self.follows[answer.address]
        own = answer.address == self.user_address
        match follow.subscribed(answer):
            case Joined.STALE:
                return []
            case Joined.OTHER_EPOCH:
                return self._refuse(
                    CloseCode.RESUBSCRIBE, "the log was reset: connect again without a position"
                )
            case Joined.FIRST:
                return self._welcome(answer, now) if own else self._joined(answer)
            case Joined.AGAIN:
                return self._settled(answer.address)
            case Joined.LOST:
                lost = self._lost(answer.address, answer.head)
                return lost + self._settled(answer.address)

    def refused(self, answer: Refused) -> list[Effect]:
        """An owner does not take the session, for good, or not into this room."""
        if answer.keep_session and self._rooms:
            return self._rooms.refused(answer)
        return self._end(answer.close_code, answer.reason)

    def evicted(self, evict: Evict) -> list[Effect]:
        """The router ends the session."""
        return self._end(evict.close_code, evict.reason)

    def pushed(self, address: str, term: int, pushed: Sequence[OutFrame]) -> list[Effect]:
        """New entries of a queue came."""
        return self._write(self.follows[address].push(term, pushed))

    def fetched(self, answer: Batch) -> list[Effect]:
        """Entries from the log came."""
        follow = self.follows[answer.address]
        lost = answer.lost and follow.awaits(answer)
        written = follow.batch(answer, [OutFrame.of(entry) for entry in answer.entries])
        notice = self._lost(answer.address, answer.head) if lost else []
        return notice + (self._write(written) if self.state is not State.CLOSED else [])

    def published(self, answer: Published) -> list[Effect]:
        """A message of this device became an event, or did not."""
        return self._requests.answered(answer)

    def orphaned(self) -> list[Effect]:
        """The user's router is gone: nobody will answer what is open there."""
        refs = self._requests.orphaned()
        if asked := self._credential.answered(accepted=False):
            refs.append(asked.ref)
        return [effect for ref in refs for effect in self._unavailable(ref)]

    def refreshed(self, answer: Refreshed, now: float) -> list[Effect]:
        """A router has looked at the device's new token."""
        asked = self._credential.answered(accepted=not answer.error_code)
        if asked is None:
            return []
        if answer.error_code:
            return self._voice.error(answer.error_code, answer.error, asked.ref)
        self._set_end(answer.expires_at, answer.closes_at, now)
        frame = self._voice.envelope().refreshed(answer.expires_at, asked.ref)
        return [*self._voice.say(frame), RefreshWish(self._credential.token, others=True)]

    def stale(self, address: str, seconds: float) -> list[Effect]:
        """No router has served a queue for so long: what the device shows of it may be old."""
        since = self._wall_ms() - round(1000 * seconds)
        return self._voice.notice("STALE", Stale(queue=queue_name(address), since=since))

    def fresh(self, address: str) -> list[Effect]:
        """The queue is served again, and what was missed follows."""
        return self._voice.notice("FRESH", Fresh(queue=queue_name(address)))

    # Messages of the device

    def _hello(self, message: frames.Hello, now: float) -> list[Effect]:
        if self.state is not State.HELLO:
            raise BadFrame(
                "invalid_message", "HELLO is only the first message, and only without another token"
            )
        self._timers.cancel(SessionTimer(self.id, TimerKind.HELLO))
        self._credential.token = message.token
        self._epoch, self._after = message.epoch, message.after
        self._device = Device(
            device_id=message.device_id,
            name=message.device_name,
            platform=message.platform,
            instance=message.instance,
        )
        return self._identify(now)

    def _identify(self, now: float) -> list[Effect]:
        try:
            who = auth.read_token(
                self._credential.token,
                allow_plain=self._config.allow_plain_tokens,
                rng=self._rng,
                asked=self._device.device_id,
            )
        except BadToken as error:
            return self._refuse(CloseCode.BAD_TOKEN, str(error))
        self._voice.user_id = who.user_id
        self._device.device_id = who.device_id
        self._device.ephemeral = who.ephemeral
        self._device.connected_at = self._connected_at
        self.user_address = addresses.of_user(who.user_id)
        self.state = State.ATTACHING
        self._schedule(TimerKind.ATTACH, now + self._config.attach_timeout)
        return [self._follow(self.user_address)]

    def _ack(self, message: frames.Ack) -> list[Effect]:
        self._check_identified()
        address = self.user_address if message.queue == "user" else message.queue
        if address not in self.follows:
            raise BadFrame("invalid_message", f"queue: you do not follow {message.queue[:40]!r}")
        self.follows[address].ack(message.seq)
        return []

    def _publish(self, message: frames.UpdateProgress, now: float) -> list[Effect]:
        self._check_identified()
        if told := self._requests.refusal(message.ref, now):
            return told
        return [PublishWish(self._requests.begin(message.ref), "UPDATE_PROGRESS", message.payload)]

    def _refresh(self, message: frames.Refresh) -> list[Effect]:
        self._check_open("REFRESH", message.ref)
        if self._credential.asked:
            return self._voice.error(
                "busy", "wait for the answer to the REFRESH before", message.ref
            )
        self._credential.asked = message
        return [RefreshWish(message.token)]

    def _room(self, message: frames.RoomMessage, now: float) -> list[Effect]:
        self._check_open("JOIN, LEAVE or TYPING", message.ref)
        if not self._handshake.v2:
            raise BadFrame("invalid_message", "rooms need the subprotocol kull.sync.v2")
        if told := self._requests.refusal(message.ref, now):
            return told
        if self._rooms is None:
            self._rooms = Rooms(
                self.follows,
                limit=self._config.rooms,
                follow=self._follow,
                tell=self._voice.notice,
                error=self._voice.error,
                request=self._requests.begin,
            )
        return self._rooms.take(message)

    def _settled(self, address: str) -> list[Effect]:
        return self._rooms.settled(address) if self._rooms else []

    def _logout(self, message: frames.Logout) -> list[Effect]:
        self._check_open("LOGOUT", message.ref)
        if told := self._requests.full(message.ref):
            return told
        return [LogoutWish(self._requests.begin(message.ref))]

    def _pong(self) -> list[Effect]:
        """Nothing comes before WELCOME, which is a sign of life as well."""
        if self.state is not State.OPEN:
            return []
        return self._voice.message("PONG", Pong())

    def _check_identified(self) -> None:
        if self.state is State.HELLO:
            raise BadFrame("invalid_message", "say HELLO with a token first")

    def _check_open(self, what: str, ref: frames.Ref) -> None:
        if self.state is not State.OPEN:
            raise BadFrame("invalid_message", f"{what} comes after WELCOME", ref)

    def _bad_frame(self, error: BadFrame) -> list[Effect]:
        self._errors += 1
        if self._errors >= self._config.max_errors:
            return self._refuse(CloseCode.TOO_MANY_ERRORS, "too many bad frames, fix the client")
        return self._voice.error(error.code, str(error), error.ref)

    def _unavailable(self, ref: frames.Ref) -> list[Effect]:
        return self._voice.error("unavailable", "it could not be stored now, send it again", ref)

    # Keeping the connection honest

    def _keepalive(self, now: float) -> list[Effect]:
        verdict = self.keepalive.check(now)
        if verdict is Verdict.DEAD:
            self.closed()
            return [Cut(self.id, "no_pong")]
        self._schedule(TimerKind.KEEPALIVE, self.keepalive.next_at)
        return [Ping(self.id, KEEPALIVE_PAYLOAD)] if verdict is Verdict.PING else []

    def _ping_position(self) -> list[Effect]:
        payload = self._positions.next(self.follows.values()) if self._positions else None
        return [Ping(self.id, payload)] if payload else []

    def _set_end(self, expires_ms: int, closes_ms: int, now: float) -> None:
        self._credential.ends(expires_ms, closes_ms)
        self._timers.cancel(SessionTimer(self.id, TimerKind.END))
        self._timers.cancel(SessionTimer(self.id, TimerKind.EXPIRY))
        if expires_ms:
            left = max(0, expires_ms - self._wall_ms()) / 1000
            self._schedule(TimerKind.EXPIRY, now + left)

    def _expired(self, now: float) -> list[Effect]:
        """The token has expired: the session goes on for a while, so that it may be refreshed."""
        closes_ms, expires_ms = self._credential.closes_ms, self._credential.expires_ms
        if closes_ms == expires_ms:
            return self.timer(TimerKind.END, now)
        self._schedule(TimerKind.END, now + (closes_ms - expires_ms) / 1000)
        return self._voice.notice("TOKEN_EXPIRED", TokenExpired(closesAt=closes_ms))

    # Answers

    def _welcome(self, answer: Subscribed, now: float) -> list[Effect]:
        self.state = State.OPEN
        self._timers.cancel(SessionTimer(self.id, TimerKind.ATTACH))
        self._schedule(TimerKind.KEEPALIVE, self.keepalive.next_at)
        self._set_end(answer.expires_at, answer.closes_at, now)
        self._generation = Generation()
        self._generation.CopyFrom(answer.generation)
        data = welcome_json(
            answer,
            session_id=f"{self._config.node_id}/{self.id}",
            device_id=self._device.device_id,
            user_id=self._voice.user_id,
            keepalive=self._config.keepalive,
            window=self._config.window.frames,
        )
        welcome = self._voice.message("WELCOME", data)
        return [*welcome, self._follow(ALL)]

    def _joined(self, answer: Subscribed) -> list[Effect]:
        if self._rooms and answer.address != ALL:
            # HELLO's position counts for the first JOIN only.
            self._after = {q: seq for q, seq in self._after.items() if q != answer.address}
            return self._rooms.joined(answer)
        return self._voice.notice("JOINED", joined_json(place_json(answer)))

    def _lost(self, address: str, head: int) -> list[Effect]:
        if not self._handshake.v2:  # only WELCOME can tell a plain client, and of its own queue
            reason = "this device was too slow: connect again"
            own = address == self.user_address
            return self._refuse(CloseCode.RESUBSCRIBE, reason) if own else []
        data = RecoveryLost(queue=queue_name(address), head=head)
        return self._voice.message("RECOVERY_LOST", data)

    def _end(self, code: int, reason: str) -> list[Effect]:
        known = close_codes.find(code)
        return self._refuse(known, reason) if known else self._close(code, reason)

    def _refuse(self, code: CloseCode, reason: str) -> list[Effect]:
        return self._fail(code.label, reason or code.meaning, code)

    def _fail(self, name: str, reason: str, code: int) -> list[Effect]:
        return self._close(code, reason, self._voice.envelope().error(name, reason))

    def _close(self, code: int, reason: str, *last: OutFrame) -> list[Effect]:
        self.closed()
        return [*self._voice.say(*last), Close(self.id, code, reason)]

    def _write(self, written: Iterable[OutFrame]) -> list[Effect]:
        texts = tuple(written)
        if not texts:
            return []
        return [Write(self.id, texts), *self._ping_position()]

    def _follow(self, address: str) -> Join:
        follow = Follow(address, device_id=self._device.device_id, window=self._config.window)
        follow.writable = self._writable
        self.follows[address] = follow
        return Join(address)

    def _schedule(self, kind: TimerKind, at: float) -> None:
        self._timers.schedule(SessionTimer(self.id, kind), at)
