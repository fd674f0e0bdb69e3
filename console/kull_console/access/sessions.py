"""The sessions of operators in their browsers. PURE.

A session is known by a random text in a cookie, of which only the hash is kept. Signing in makes a
new one, always: a cookie that somebody has planted before is worth nothing after.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kull_console.access.operators import Operator

MOST: Final = 1_000  # sessions at once; then the one that was longest unused ends
BYTES: Final = 32  # of chance in a cookie, and in a token against forged requests


@dataclass(slots=True, kw_only=True)
class Session:
    """One browser of an operator. Times are seconds on the caller's clock.

    `csrf`: a page must send it with whatever changes something.
    """

    operator: Operator
    csrf: str
    begun: float
    used: float

    def accepts(self, csrf: str) -> bool:
        """Return whether a request comes from a page that has signed in."""
        return hmac.compare_digest(self.csrf.encode(), csrf.encode("utf-8", "replace"))


class Sessions:
    """All of them; a restart ends them.

    Args:
        clock: seconds, that only grow.
        randomness: returns that many random bytes.
        longest, idle: seconds after which one ends, used or unused.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        randomness: Callable[[int], bytes],
        longest: float,
        idle: float,
    ) -> None:
        self._clock, self._randomness = clock, randomness
        self._longest, self._idle = longest, idle
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()  # the longest unused first

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(self, operator: Operator, instead_of: str = "") -> tuple[str, Session]:
        """Begin a session; return its cookie. The one of the cookie `instead_of` ends."""
        self.end(instead_of)
        now = self._clock()
        session = Session(operator=operator, csrf=self._text(), begun=now, used=now)
        cookie = self._text()
        self._sessions[_hash(cookie)] = session
        while len(self._sessions) > MOST:
            self._sessions.popitem(last=False)
        return cookie, session

    def find(self, cookie: str, *, use: bool = True) -> Session | None:
        """Return the session of a cookie; None: there is none any more.

        use: the operator does something, so that it does not end for want of use.
        """
        name = _hash(cookie)
        session = self._sessions.get(name)
        if session is None:
            return None
        now = self._clock()
        if now - session.begun >= self._longest or now - session.used >= self._idle:
            del self._sessions[name]
            return None
        if use:
            session.used = now
            self._sessions.move_to_end(name)
        return session

    def end(self, cookie: str) -> None:
        """End the session of a cookie, if there is one."""
        self._sessions.pop(_hash(cookie), None)

    def _text(self) -> str:
        return base64.urlsafe_b64encode(self._randomness(BYTES)).rstrip(b"=").decode()


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).digest()
