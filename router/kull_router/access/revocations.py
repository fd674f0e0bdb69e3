"""Which device tokens are worth nothing any more, although they are signed and in time. PURE.

`RevocationLog` is the port to where all routers of a deployment write that down.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from kull_router.access.tokens import Claims

Scope = tuple[str, str]  # user and device; empty: every one


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """Takes tokens back: one by its id, or those issued up to a moment.

    Attributes:
        user: whose; empty: everybody's.
        device: of which device of the user; empty: of all.
        token_id: the claim `jti` of one token; empty: all tokens of the above that were issued
            until `issued_before_ms`, and those that do not say when they were.
        issued_before_ms, until_ms: since the Unix epoch. `until_ms` is when the last such token
            has expired by itself: the revocation is forgotten then.
        number: given by the store, growing; 0: not stored yet.
    """

    user: str = ""
    device: str = ""
    token_id: str = ""
    issued_before_ms: int = 0
    until_ms: int
    number: int = 0

    def covers(self, claims: Claims, device: str) -> bool:
        """Return whether this takes back a token that `device` shows."""
        if claims.plain or self.user not in {"", claims.user} or self.device not in {"", device}:
            return False
        if self.token_id:
            return self.token_id == claims.token_id
        return claims.issued_ms <= self.issued_before_ms


class RevocationLog(Protocol):
    """What all routers of a deployment have revoked. Every call raises StoreUnavailable.

    Adapters: the stores of `queues`; `tests/contract/store/test_revocation_log.py` has the suite.
    """

    async def revoke(self, revocation: Revocation) -> None:
        """Give a revocation the next number and keep it. Durable on return."""
        ...

    async def revocations(self, after: int) -> list[Revocation]:
        """Return those with a number > after, in order.

        With several writers a number may appear a moment after higher ones.
        """
        ...

    async def expire_revocations(self, now_ms: int) -> None:
        """Forget those whose `until_ms` has passed. Their numbers are never given again."""
        ...


class Revocations:
    """All that are in force, for one look-up per token."""

    def __init__(self) -> None:
        self._tokens: dict[str, list[Revocation]] = {}  # by token id
        self._scopes: dict[Scope, Revocation] = {}
        self._known: dict[int, int] = {}  # number: until when

    def __len__(self) -> int:
        return len(self._tokens) + len(self._scopes)

    @property
    def last(self) -> int:
        """The highest number seen."""
        return max(self._known, default=0)

    def add(self, revocations: Iterable[Revocation]) -> list[Revocation]:
        """Put revocations in force and return those that were not known."""
        new = [each for each in revocations if each.number not in self._known]
        for each in new:
            self._known[each.number] = each.until_ms
            if each.token_id:
                self._tokens.setdefault(each.token_id, []).append(each)
                continue
            scope = each.user, each.device
            before = self._scopes.get(scope)
            if before is None or before.issued_before_ms <= each.issued_before_ms:
                self._scopes[scope] = each
        return new

    def cover(self, claims: Claims, device: str) -> bool:
        """Return whether a token that `device` shows was taken back."""
        for scope in (("", ""), (claims.user, ""), (claims.user, device)):
            if (found := self._scopes.get(scope)) and found.covers(claims, device):
                return True
        of_token = self._tokens.get(claims.token_id, ()) if claims.token_id else ()
        return any(each.covers(claims, device) for each in of_token)

    def expire(self, now_ms: int) -> None:
        """Forget those whose tokens have expired by themselves."""
        newest = self.last
        self._known = {
            number: until
            for number, until in self._known.items()
            if until > now_ms or number == newest
        }
        self._scopes = {k: each for k, each in self._scopes.items() if each.until_ms > now_ms}
        self._tokens = {
            token_id: kept
            for token_id, listed in self._tokens.items()
            if (kept := [each for each in listed if each.until_ms > now_ms])
        }
