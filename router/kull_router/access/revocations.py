"""Which device tokens are worth nothing any more, although they are signed and in time. PURE.

`RevocationLog` is the port to where all routers of a deployment write that down.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Final, Protocol

from kull_router.access.tokens import Claims

Scope = tuple[str, str, str]  # user, device and token id; empty: every one

_DIGEST_BITS: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """Takes tokens back: one by its id, or those issued up to a moment.

    Attributes:
        user: whose; empty: everybody's.
        device: of which device of the user; empty: of all.
        token_id: the claim `jti` of one token; empty: all tokens of the above that were issued
            until `issued_before_ms`, and those that do not say when they were.
        ahead_ms: how far ahead of that clock issuers' clocks were seen to be: a token that says it
            was issued later by no more than this may have been issued before.
        issued_before_ms, until_ms: since the Unix epoch. `until_ms` is when the last such token
            has expired by itself: the revocation is forgotten then.
        number: given by the store, growing; 0: not stored yet.
    """

    user: str = ""
    device: str = ""
    token_id: str = ""
    issued_before_ms: int = 0
    until_ms: int
    ahead_ms: int = 0
    number: int = 0

    def covers(self, claims: Claims, device: str) -> bool:
        """Return whether this takes back a token that `device` shows."""
        if claims.plain or self.user not in {"", claims.user} or self.device not in {"", device}:
            return False
        if self.token_id:
            return self.token_id == claims.token_id
        return claims.issued_ms <= self._through_ms

    @property
    def _through_ms(self) -> int:
        return self.issued_before_ms + self.ahead_ms

    @property
    def scope(self) -> Scope:
        """Whose tokens it takes back, or which one."""
        return self.user, self.device, self.token_id

    def includes(self, other: Revocation) -> bool:
        """Return whether another one of the same scope adds nothing to this one."""
        return (
            self.issued_before_ms >= other.issued_before_ms
            and self._through_ms >= other._through_ms
            and self.until_ms >= other.until_ms
        )

    def joined(self, other: Revocation) -> Revocation:
        """Return what takes back what either of the same scope does, under this one's number."""
        issued_before_ms = max(self.issued_before_ms, other.issued_before_ms)
        return replace(
            self,
            issued_before_ms=issued_before_ms,
            ahead_ms=max(self._through_ms, other._through_ms) - issued_before_ms,
            until_ms=max(self.until_ms, other.until_ms),
        )


class RevocationLog(Protocol):
    """What all routers of a deployment have revoked. Every call raises StoreUnavailable.

    Adapters: the stores of `queues`; `tests/contract/store/test_revocation_log.py` has the suite.
    """

    async def revoke(self, revocation: Revocation) -> None:
        """Give a revocation the next number and keep it. Durable on return.

        One of the same scope is replaced by what takes back what either does; nothing is written
        if that one does already.
        """
        ...

    async def revocations(self, after: int, limit: int) -> list[Revocation]:
        """Return the first `limit` of those with a number > after, in order.

        What this costs does not depend on how many there are besides. Whoever writes them, numbers
        appear in their order: none shows up below one that was returned before.
        """
        ...

    async def expire_revocations(self, now_ms: int) -> None:
        """Forget those whose `until_ms` has passed. Their numbers are never given again."""
        ...


class Revocations:
    """All that are in force, for a few look-ups per token.

    Of a single token only a digest is kept, about 200 bytes with all that belongs to it: there are
    as many as log-outs within the life of a token.
    """

    def __init__(self) -> None:
        self.last = 0  # the highest number seen
        self._scopes: dict[int, Revocation] = {}  # of many tokens each
        self._tokens: dict[int, int] = {}  # until when
        self._ending: list[int] = []  # a heap: when the one with that digest ends, then the digest

    def __len__(self) -> int:
        return len(self._tokens) + len(self._scopes)

    def add(self, revocations: Iterable[Revocation]) -> list[Revocation]:
        """Put revocations in force, in the order of their numbers; return the unknown ones."""
        new = [each for each in revocations if each.number > self.last]
        for each in new:
            self.last = each.number
            key = _digest(each.scope)
            if each.token_id:
                self._tokens[key] = max(each.until_ms, self._tokens.get(key, 0))
            else:
                before = self._scopes.get(key, each)
                self._scopes[key] = each.joined(before)
            heappush(self._ending, (each.until_ms << _DIGEST_BITS) + key)
        return new

    def cover(self, claims: Claims, device: str) -> bool:
        """Return whether a token that `device` shows was taken back."""
        if claims.plain or not self:
            return False
        for of_user in (("", ""), (claims.user, ""), (claims.user, device)):
            found = self._scopes.get(_digest((*of_user, "")))
            if found and found.covers(claims, device):
                return True
            if claims.token_id and _digest((*of_user, claims.token_id)) in self._tokens:
                return True
        return False

    def has_device(self, user: str, device: str) -> bool:
        """Return whether all tokens of this very device were taken back at some moment."""
        return _digest((user, device, "")) in self._scopes

    def expire(self, now_ms: int) -> None:
        """Forget those whose tokens have expired by themselves."""
        while self._ending and self._ending[0] >> _DIGEST_BITS <= now_ms:
            key = heappop(self._ending) & ((1 << _DIGEST_BITS) - 1)
            # What was revoked again ends later, and stands in the heap again.
            if self._tokens.get(key, now_ms + 1) <= now_ms:
                del self._tokens[key]
            if (found := self._scopes.get(key)) and found.until_ms <= now_ms:
                del self._scopes[key]


def _digest(scope: Scope) -> int:
    lengths = " ".join(str(len(part)) for part in scope)
    text = f"{lengths} {''.join(scope)}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=_DIGEST_BITS // 8).digest(), "big")
