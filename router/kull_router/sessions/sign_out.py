"""A device is signed out, by its person or an operator: it is as if it had never been here."""

from __future__ import annotations

from typing import NamedTuple

import structlog

from kull_protos.common.rates import Buckets
from kull_protos.contract import addresses
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.access.authority import Authority
from kull_router.access.tokens import Claims
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.session_key import SessionKey
from kull_router.delivery.shards import Shards
from kull_router.delivery.subscriptions import Subscription, Subscriptions
from kull_router.errors import StoreError, TokenRefused
from kull_router.queues.port import DeviceInfo, Store
from kull_router.sessions.devices import Devices
from kull_router.sessions.enforcement import Enforcement
from kull_router.sessions.refusals import error_code
from kull_router.sessions.registry import Registry
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)


class NotOwner(Exception):
    """Another router owns the user's shard, or none does now."""

    def __init__(self) -> None:
        super().__init__("this router does not own the user's shard")


class SignOutRefused(Exception):
    """The device stays as it is; the text is fit for the person. `code` is one of `ErrorCode`'s."""

    def __init__(self, code: str, why: str) -> None:
        self.code = code
        super().__init__(why)


class SignedOut(NamedTuple):
    """What has happened: how many sessions were closed, and the id of the event that tells it."""

    sessions: int
    event_id: str


class SignOut:
    """Takes a device's tokens back, ends its sessions and forgets where it stood.

    At the owner of the user's shard, which knows all of the user's sessions. What is revoked is
    durable before anything else is done, so that doing it again, here or at the next owner, ends
    what a failure has left.
    """

    def __init__(
        self,
        settings: RouterSettings,
        *,
        store: Store,
        authority: Authority,
        enforcement: Enforcement,
        registry: Registry,
        subscriptions: Subscriptions,
        devices: Devices,
        shards: Shards,
        clock: Clock,
    ) -> None:
        self._store = store
        self._authority = authority
        self._enforcement = enforcement
        self._registry = registry
        self._subscriptions = subscriptions
        self._devices = devices
        self._shards = shards
        self._clock = clock
        self._attempts = Buckets(
            rate=settings.refreshes_per_user, burst=settings.refreshes_per_user_burst
        )

    async def asked(self, stream: EdgeStream, request: pb.SignOut) -> None:
        """A device asks on its open connection; the answer is Published."""
        answer = pb.Published(request_id=request.request_id, session_id=request.session_id)
        own = self._subscriptions.own(SessionKey(stream.number, request.session_id))
        if own is None:
            return  # it is ending already
        try:
            answer.event_id = await self._for_person(own.claims, request.device_id)
        except SignOutRefused as refused:
            answer.error_code, answer.error = refused.code, str(refused)
        except NotOwner:
            answer.error_code = ErrorCode.UNAVAILABLE
            answer.error = "the router has changed: send it again in a moment"
        stream.send(pb.AttachResponse(published=answer))

    async def by_token(self, token: str, device: str) -> str:
        """Sign a device out for whoever shows this token of a device of the same user.

        Returns the id of the event that tells the other devices.

        Raises:
            SignOutRefused: with the reason.
            NotOwner: ask another router.
        """
        try:
            claims = self._authority.verify(token)
            self._authority.check(claims, claims.device)
        except TokenRefused as refused:
            raise SignOutRefused(error_code(refused), str(refused)) from refused
        return await self._for_person(claims, device)

    async def by_operator(self, user: str, device: str) -> SignedOut:
        """Sign a device out for an operator, also one that nobody knows: its tokens may be good.

        Of such a one nobody is told.

        Raises:
            NotOwner: ask another router.
            StoreError: the device may still be signed in; doing it again is harmless.
        """
        self._check_owner(user)
        if known := await self._find(user, device):
            return await self._sign_out(known, tell=True)
        return await self._sign_out(DeviceInfo(user=user, device=device), tell=False)

    async def _for_person(self, claims: Claims, device: str) -> str:
        if not claims.manages_devices:
            why = "the token does not grant devices:manage"
            raise SignOutRefused(ErrorCode.FORBIDDEN, why)
        self._check_owner(claims.user)
        if wait := self._attempts.take(claims.user, self._clock.monotonic()):
            why = f"this user signs out too many devices: wait {wait:.1f} s"
            raise SignOutRefused(ErrorCode.RATE_LIMITED, why)
        try:
            if known := await self._find(claims.user, device):
                return (await self._sign_out(known, tell=True)).event_id
        except StoreError as error:
            log.warning("sign_out_failed", user=claims.user, device=device, why=str(error))
            why = "the device may still be signed in: send it again in a moment"
            raise SignOutRefused(ErrorCode.UNAVAILABLE, why) from error
        raise SignOutRefused(ErrorCode.UNKNOWN_DEVICE, "you have no such device")

    def _check_owner(self, user: str) -> None:
        if self._shards.of(addresses.of_user(user)).term is None:
            raise NotOwner

    async def _find(self, user: str, device: str) -> DeviceInfo | None:
        """Return the device. What was revoked before is known: somebody may ask twice."""
        if presence := self._registry.of_device(user, device):
            return presence.info
        for known in await self._store.devices(user):
            if known.info.device == device:
                return known.info
        if self._authority.has_revoked(user, device):
            return DeviceInfo(user=user, device=device)
        return None

    async def _sign_out(self, info: DeviceInfo, *, tell: bool) -> SignedOut:
        sessions = self._sessions_of(info)
        tokens_of = [each.claims for each in sessions if not each.claims.device]
        await self._enforcement.revoke(user=info.user, device=info.device, token_id="")
        for claims in tokens_of:  # which name no device: only those that it shows are known
            if claims.token_id:
                await self._enforcement.revoke(
                    user=info.user,
                    device="",
                    token_id=claims.token_id,
                    until_ms=self._authority.closes_ms(claims),
                )
        for left in self._sessions_of(info):  # with a plain token, which cannot be revoked
            self._enforcement.end_revoked(left)
        event_id = await self._told(info) if tell else ""
        await self._store.forget(info.user, info.device)
        # Tokens that are issued after the answer count. And whoever was about to subscribe has done
        # so by then, and has written down where it stands.
        await self._enforcement.next_second()
        await self._store.forget(info.user, info.device)
        log.warning("device_signed_out", user=info.user, device=info.device)
        return SignedOut(len(sessions), event_id)

    def _sessions_of(self, info: DeviceInfo) -> list[Subscription]:
        followed = self._subscriptions.all(info.user)
        return [each for each in followed if each.is_own and each.info.device == info.device]

    async def _told(self, info: DeviceInfo) -> str:
        shard = self._shards.of(addresses.of_user(info.user))
        if shard.term is None:
            raise NotOwner
        gone = self._registry.remove(
            info, shard=shard.number, term=shard.term, now_ms=self._clock.wall_ms()
        )
        return await self._devices.gone(gone)
