"""Signing in at an OpenID provider: the authorization code flow with PKCE. PURE.

RFC 6749, RFC 7636, OpenID Connect Core 1.0. What a browser brings back counts only together with
the cookie that it got when it left, and only once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from kull_console.access.operators import NotValid, Operator

MINUTES: Final = 10  # to sign in there
MOST: Final = 1_000  # who are on their way; then the first of them has to begin anew
SCOPE: Final = "openid profile email"
MAX_NAME: Final = 64  # characters of what a provider calls somebody


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """One browser on its way to the provider and back.

    Attributes:
        state: comes back with the browser.
        nonce: comes back in the ID token.
        verifier: shown to the provider with the code, of which it has the hash.
        until: seconds on the caller's clock.
    """

    state: str
    nonce: str
    verifier: str
    until: float

    @property
    def challenge(self) -> str:
        """What the provider gets of the verifier at first (S256)."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())


class Journeys:
    """All browsers on their way, known by their cookies."""

    def __init__(self, *, clock: Callable[[], float], randomness: Callable[[int], bytes]) -> None:
        self._clock, self._randomness = clock, randomness
        self._journeys: OrderedDict[str, Journey] = OrderedDict()

    def begin(self) -> tuple[str, Journey]:
        """Begin a journey; return its cookie."""
        cookie, state, nonce, verifier = (_text(self._randomness(32)) for _ in range(4))
        until = self._clock() + MINUTES * 60
        journey = Journey(state=state, nonce=nonce, verifier=verifier, until=until)
        self._journeys[cookie] = journey
        while len(self._journeys) > MOST:
            self._journeys.popitem(last=False)
        return cookie, journey

    def end(self, cookie: str, state: str) -> Journey:
        """Return the journey that ends with this, once. Raises NotValid: it began elsewhere."""
        journey = self._journeys.pop(cookie, None)
        if journey is None or self._clock() >= journey.until:
            raise NotValid("this sign-in was not begun here, or too long ago: begin anew")
        if not hmac.compare_digest(journey.state.encode(), state.encode("utf-8", "replace")):
            raise NotValid("this sign-in was begun by somebody else: begin anew")
        return journey


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Who may what: a claim of the ID token, and its values; an empty one is nobody's."""

    claim: str
    read: str
    act: str

    def operator(self, claims: Mapping[str, Any]) -> Operator:
        """Return who the claims are of. Raises NotValid: they may not look."""
        value = claims.get(self.claim)
        values = value if isinstance(value, list) else [value]
        may_act = bool(self.act) and self.act in values
        if not may_act and not (self.read and self.read in values):
            raise NotValid(
                f"your account may not use the console: its {self.claim!r} do not say so"
            )
        name = next(
            (
                str(claims[each])
                for each in ("preferred_username", "email", "name")
                if claims.get(each)
            ),
            str(claims["sub"]),
        )
        shown = "".join(each for each in name if each.isprintable())[:MAX_NAME]
        return Operator(id=f"oidc:{claims['sub']}", name=shown, may_act=may_act, by_key=False)


def authorization_url(endpoint: str, journey: Journey, *, client_id: str, back_to: str) -> str:
    """Return where a browser is sent."""
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": back_to,
        "scope": SCOPE,
        "state": journey.state,
        "nonce": journey.nonce,
        "code_challenge": journey.challenge,
        "code_challenge_method": "S256",
    }
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"


def _text(random: bytes) -> str:
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode()
