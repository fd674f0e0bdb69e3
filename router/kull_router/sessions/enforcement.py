"""Keeps what connected sessions may do in step with their tokens: expiry, refresh, revocation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, NoReturn

import structlog

from kull_protos.common.rates import Buckets
from kull_protos.contract.close_codes import CloseCode
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.access import tokens
from kull_router.access.authority import Authority
from kull_router.access.revocations import Revocation
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.session_key import SessionKey
from kull_router.delivery.subscriptions import AT_ONCE, Subscription, Subscriptions
from kull_router.errors import StoreError, TokenRefused
from kull_router.sessions.refusals import NotGranted, error_code, refuse
from kull_router.sessions.sessions import Sessions
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)

# Edges close in time by themselves: this is for one that does not.
SWEEP: Final = 5.0  # seconds
LOGGED_OUT: Final = "logged out"


class TooManyRefreshes(Exception):
    """A user's devices show new tokens too often; the text is fit for the device."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"this user's devices refresh too often: wait {wait:.1f} s")


class Enforcement:
    """Acts on the sessions of this router when their tokens change or end."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        sessions: Sessions,
        authority: Authority,
        subscriptions: Subscriptions,
        clock: Clock,
    ) -> None:
        self._poll = settings.revocation_poll
        self._sessions = sessions
        self._authority = authority
        self._subscriptions = subscriptions
        self._clock = clock
        self._refreshes = Buckets(
            rate=settings.refreshes_per_user, burst=settings.refreshes_per_user_burst
        )
        # What log-outs under way take back, (user, device, token id): the other code closes.
        self._logouts: set[tuple[str, str, str]] = set()

    def refresh(self, stream: EdgeStream, request: pb.Refresh) -> None:
        """Give a session another token of the same user and device; the answer is Refreshed."""
        answer = pb.Refreshed(session_id=request.session_id)
        key = SessionKey(stream.number, request.session_id)
        try:
            claims = self._refresh(stream, key, request.token)
        except TooManyRefreshes as refused:
            answer.error_code, answer.error = ErrorCode.RATE_LIMITED, str(refused)
        except TokenRefused as refused:
            answer.error_code = error_code(refused)
            answer.error = str(refused)
        else:
            answer.expires_at = claims.expires_ms
            answer.closes_at = self._authority.closes_ms(claims)
            answer.now = self._clock.wall_ms()
        stream.send(pb.AttachResponse(refreshed=answer))

    def _refresh(self, stream: EdgeStream, key: SessionKey, token: str) -> tokens.Claims:
        # The cheapest first: a signature costs more than all the rest.
        subscriptions = self._subscriptions.of_session(key)
        if not subscriptions:
            raise TokenRefused(CloseCode.BAD_TOKEN, "the session is not here")
        info = subscriptions[0].info
        if wait := self._refreshes.take(info.user, self._clock.monotonic()):
            raise TooManyRefreshes(wait)
        claims = self._authority.verify(token)
        if claims.user != info.user:
            raise TokenRefused(CloseCode.BAD_TOKEN, "the token is for another user")
        if claims.device != ("" if info.ephemeral else info.device):
            raise TokenRefused(CloseCode.BAD_TOKEN, "the token is for another device")
        self._authority.check(claims, info.device)
        for subscription in subscriptions:
            if claims.grants(subscription.address):
                subscription.claims = claims
                self._sessions.rosters.refreshed(subscription)
            else:  # it grants less than before: at once
                self._sessions.release(key, subscription.address, left=True)
                address = subscription.address
                refuse(stream, key.session, address, NotGranted(address), self._sessions.measures)
        return claims

    async def revoke(
        self,
        *,
        user: str,
        device: str,
        token_id: str,
        issued_before_ms: int = 0,
        of_token_ms: int = 0,
        until_ms: int = 0,
    ) -> int:
        """Take tokens back and return how many sessions were closed here. StoreUnavailable.

        See `Authority.revoke`.
        """
        new = await self._authority.revoke(
            user=user,
            device=device,
            token_id=token_id,
            issued_before_ms=issued_before_ms,
            of_token_ms=of_token_ms,
            until_ms=until_ms,
        )
        log.warning("tokens_revoked", user=user, device=device, one=bool(token_id))
        return self._enforce(new)

    async def next_second(self) -> None:
        """Wait until a token of whole seconds is told from those that were just taken back."""
        began_ms = self._clock.wall_ms() // 1000 * 1000
        await asyncio.sleep(self._authority.second_ends(began_ms))

    async def logout(self, stream: EdgeStream, request: pb.Logout) -> None:
        """Take a session's token back and end all that show it, or answer why that failed."""
        key = SessionKey(stream.number, request.session_id)
        subscription = self._subscriptions.own(key)
        if subscription is None:
            return  # it is ending already
        try:
            await self._take_back(subscription)
        except StoreError as error:
            session = stream.session_name(request.session_id)
            log.warning("logout_failed", session=session, why=str(error))
            answer = pb.Published(
                request_id=request.request_id,
                session_id=request.session_id,
                error_code=ErrorCode.UNAVAILABLE,
                error="you are still logged in: send it again in a moment",
            )
            stream.send(pb.AttachResponse(published=answer))
        else:
            self._end(subscription, CloseCode.DISCONNECTED, LOGGED_OUT)  # if that has not ended it

    async def _take_back(self, subscription: Subscription) -> None:
        claims, info = subscription.claims, subscription.info
        device = "" if claims.token_id else claims.device
        if claims.plain or not (claims.token_id or device):
            return  # nothing tells this token from others of the user
        scope = (claims.user, device, claims.token_id)
        self._logouts.add(scope)
        try:
            # One token is forgotten when it has expired: most log-outs are of a life of minutes.
            until_ms = self._authority.closes_ms(claims) if claims.token_id else 0
            if device and claims.issued_ms % 1000 == 0:
                # The next log-in's token must tell another second than this one.
                issued_ms = self._authority.issued_ms(claims)
                await asyncio.sleep(self._authority.second_ends(issued_ms))
            await self.revoke(
                user=info.user,
                device=device,
                token_id=claims.token_id,
                of_token_ms=claims.issued_ms,
                until_ms=until_ms,
            )
        finally:
            self._logouts.discard(scope)

    def _enforce(self, revocations: Iterable[Revocation]) -> int:
        ended: set[SessionKey] = set()
        for revocation in revocations:
            self._sessions.measures.revocations.value += 1
            code, why = CloseCode.REVOKED, CloseCode.REVOKED.meaning
            if (revocation.user, revocation.device, revocation.token_id) in self._logouts:
                code, why = CloseCode.DISCONNECTED, LOGGED_OUT
            for subscription in self._subscriptions.all(revocation.user):
                if revocation.covers(subscription.claims, subscription.info.device):
                    ended.add(subscription.key)
                    self._end(subscription, code, why)
        return len(ended)

    def end_revoked(self, subscription: Subscription) -> None:
        """End a session as if its token had been taken back."""
        self._end(subscription, CloseCode.REVOKED, CloseCode.REVOKED.meaning)

    def _end(self, subscription: Subscription, close_code: int, reason: str) -> None:
        self._sessions.evict(subscription.key, close_code, reason, left=True)

    async def run_revocations(self) -> NoReturn:
        """Learn what other routers revoke."""
        while True:
            try:
                while new := await self._authority.news():
                    self._enforce(new)
            except StoreError as error:
                log.warning("revocations_not_read", why=str(error))
            await asyncio.sleep(self._poll)

    async def run_expiry(self) -> NoReturn:
        """End sessions whose tokens expired a while ago."""
        while True:
            await asyncio.sleep(SWEEP)
            now_ms = self._clock.wall_ms()
            keys = self._subscriptions.keys()
            for start in range(0, len(keys), AT_ONCE):
                for key in keys[start : start + AT_ONCE]:
                    self._end_expired(key, now_ms)
                await asyncio.sleep(0)

    def _end_expired(self, key: SessionKey, now_ms: int) -> None:
        for subscription in self._subscriptions.of_session(key):
            closes_ms = self._authority.closes_ms(subscription.claims)
            if 0 < closes_ms <= now_ms - SWEEP * 1000:
                self._sessions.measures.expired.value += 1
                self._end(subscription, CloseCode.TOKEN_EXPIRED, "the token has expired")
