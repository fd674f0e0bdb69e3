"""Which tokens count: signed, in time, and not taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kull_protos.contract.close_codes import TRY_AGAIN, CloseCode
from kull_router.access.ahead import Ahead
from kull_router.access.revocations import Revocation, RevocationLog, Revocations
from kull_router.access.tokens import LEEWAY_MS, Claims, TokenVerifier
from kull_router.clock import Clock
from kull_router.errors import TokenRefused

SAME_MS: Final = 100  # clocks that differ by less are not told from each other again
PAGE: Final = 1000  # revocations that are read at once: none of them holds up the event loop


class Authority:
    """Verifies tokens and knows the revocations of all routers of the deployment.

    Args:
        log: the deployment's revocations.
        verifier: tells a signed token from another text.
        clock: the time that tokens are held against.
        grace: seconds that a connection outlives its token.
        max_ttl: seconds that a token lives at most; revocations are kept as long.
    """

    def __init__(
        self,
        *,
        log: RevocationLog,
        verifier: TokenVerifier,
        clock: Clock,
        grace: float,
        max_ttl: float,
    ) -> None:
        self._log = log
        self._verifier = verifier
        self._clock = clock
        self._grace_ms = int(grace * 1000)
        self._max_ttl_ms = int(max_ttl * 1000)
        self._ahead = Ahead(LEEWAY_MS)
        self._revoked = Revocations()
        self._loaded = False

    def verify(self, token: str, *, connected: bool = False) -> Claims:
        """Return the claims of a token. A session that is `connected` has some time of grace.

        Raises TokenRefused; with TRY_AGAIN before the revocations were read for the first time.
        """
        if not self._loaded:
            raise TokenRefused(TRY_AGAIN, "this router has only just started")
        grace_ms = self._grace_ms if connected else 0
        now_ms = self._clock.wall_ms()
        claims = self._verifier.verify(token, now_ms, grace_ms=grace_ms)
        self._ahead.note(claims.issued_ms, now_ms, self._clock.monotonic())
        return claims

    def check(self, claims: Claims, device: str) -> None:
        """Raise TokenRefused if the token that `device` shows was taken back."""
        if self._revoked.cover(claims, device):
            raise TokenRefused(CloseCode.REVOKED, CloseCode.REVOKED.meaning)

    def has_revoked(self, user: str, device: str) -> bool:
        """Return whether the tokens of this very device were taken back, and might still live."""
        return self._revoked.has_device(user, device)

    def closes_ms(self, claims: Claims) -> int:
        """Return when a connection with this token ends, since the Unix epoch; 0: never."""
        return claims.expires_ms + self._grace_ms if claims.expires_ms else 0

    def issued_ms(self, claims: Claims) -> int:
        """Return when a token was issued at the latest by our clock; 0: unknown."""
        return max(0, claims.issued_ms - self._ahead_ms())

    def second_ends(self, issued_ms: int) -> float:
        """Return for how many seconds other tokens may be issued in the second that began then."""
        return min(1000, max(0, issued_ms + 1000 - self._clock.wall_ms())) / 1000

    async def revoke(
        self,
        *,
        user: str,
        device: str,
        token_id: str,
        issued_before_ms: int = 0,
        of_token_ms: int = 0,
        until_ms: int = 0,
    ) -> list[Revocation]:
        """Take tokens back, durably, and return what is new. See `Revocation`.

        `issued_before_ms` 0 is now; `of_token_ms` instead is when the last of them was issued, by
        its issuer's clock; `until_ms` 0 is when the last token that there may be has expired.
        Raises StoreUnavailable: nothing was revoked.
        """
        now_ms = self._clock.wall_ms()
        longest_ms = self._max_ttl_ms + LEEWAY_MS + self._grace_ms
        before_ms, ahead_ms = min(issued_before_ms or now_ms, now_ms), self._ahead_ms()
        if of_token_ms:
            # As far ahead as can be: nobody who learns of it takes the issuer for further ahead.
            before_ms, ahead_ms = of_token_ms - LEEWAY_MS, LEEWAY_MS
        await self._log.revoke(
            Revocation(
                user=user,
                device=device,
                token_id=token_id,
                issued_before_ms=0 if token_id else before_ms,
                ahead_ms=0 if token_id else ahead_ms,
                until_ms=until_ms or now_ms + longest_ms,
            )
        )
        new: list[Revocation] = []
        while page := await self.news():
            new += page
        return new

    async def expire(self) -> None:
        """Have the log forget what is in force no more. Raises StoreUnavailable."""
        await self._log.expire_revocations(self._forget_ms())

    def _ahead_ms(self) -> int:
        return self._ahead.ms(self._clock.wall_ms(), self._clock.monotonic())

    def _forget_ms(self) -> int:
        """What has ended by then ends for good: a clock that jumped must not make a token good."""
        return min(self._clock.wall_ms(), self._clock.age_ms())

    async def news(self) -> list[Revocation]:
        """Return what is new of what was revoked, here and elsewhere, up to PAGE; StoreUnavailable.

        Costs the same however many are in force.
        """
        page = await self._log.revocations(self._revoked.last, PAGE)
        await self._extend(page)
        new = self._revoked.add(page)
        self._revoked.expire(self._forget_ms())
        self._loaded = self._loaded or len(page) < PAGE
        return new

    async def _extend(self, page: list[Revocation]) -> None:
        """Tell the others of clocks that are further ahead than who has revoked could know."""
        ahead_ms = self._ahead_ms()
        for each in page:
            if not each.token_id and each.ahead_ms + SAME_MS < ahead_ms:
                await self._log.revoke(replace(each, ahead_ms=ahead_ms))
