"""Device tokens: who is connecting. PURE.

The router verifies every token itself; an edge's word is not believed.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import jwt

from kull_producers.errors import InvalidAddress
from kull_producers.events import address
from kull_protos.contract import addresses, device_ids, device_tokens
from kull_protos.contract.close_codes import TRY_AGAIN, CloseCode
from kull_protos.contract.limits import (
    DEFAULT_TOKEN_TTL,
    MAX_CONTACTS,
    MAX_RIGHTS,
    MAX_TIME_MS,
    MAX_TOKEN_CHARS,
    MAX_TOKEN_ID_CHARS,
    MIN_SECRET_BYTES,
)
from kull_protos.contract.texts import plain_text
from kull_router.access import room_claim
from kull_router.access.room_claim import RoomRights
from kull_router.access.token_keys import MAX_KID, KeyRing, Keys, TokenKey, shared
from kull_router.errors import ConfigError, TokenRefused

LEEWAY_MS: Final = 60_000  # that clocks may differ
_TEXTS: Final = (device_tokens.DEVICE, device_tokens.NAME, device_tokens.PLATFORM, "jti")
MAX_KNOWN: Final = 1024  # verified tokens: a device shows the same one for each of its queues


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified token says. `device` is empty when the token names none.

    Attributes:
        rooms: addresses of the rooms that it grants, with what it may do in each.
        rooms: addresses of the rooms that it grants.
        contacts: ids of users whose status it lets watch.
        rights: what else it grants; this version may not know all of them.
        expires_ms, issued_ms: since the Unix epoch, 0: never, or unknown. A time of issue that is
            further ahead than clocks may differ tells nothing.
        token_id: the claim `jti`, empty if it has none.
        plain: an id without a signature, for demos: there is nothing to revoke.
    """

    user: str
    device: str = ""
    name: str = ""
    platform: str = ""
    rooms: RoomRights = field(default_factory=dict)
    contacts: frozenset[str] = frozenset()
    rights: frozenset[str] = device_tokens.DEFAULT_RIGHTS
    expires_ms: int = 0
    issued_ms: int = 0
    token_id: str = ""
    plain: bool = False

    def grants(self, queue: str) -> bool:
        """Return whether the device may follow a queue: its user's own, `all`, its rooms'."""
        return queue in {addresses.of_user(self.user), addresses.ALL} or queue in self.rooms

    def may(self, room: str, right: str) -> bool:
        """Return whether the device has a right (`device_tokens.ROOM_RIGHTS`) in a room."""
        return right in self.rooms.get(room, ())

    @property
    def manages_devices(self) -> bool:
        """Whether it may sign out devices of its user."""
        return device_tokens.DEVICES_MANAGE in self.rights


NOBODY: Final = Claims(user="")


class TokenVerifier:
    """Verifies tokens; plain ones only where they are allowed.

    Args:
        secret: of HS256; None: no token is signed by HS256.
        allow_plain: whether `userId` and `userId:deviceId` are tokens.
        keys: public keys of RS256 and EdDSA.
        audience, issuer: what `aud` and `iss` must be; empty: no `aud` is accepted, any `iss` is.
        max_ttl: seconds that a token may still live.
    """

    def __init__(
        self,
        secret: str | None,
        *,
        allow_plain: bool,
        keys: Keys | None = None,
        audience: str = "",
        issuer: str = "",
        max_ttl: float = DEFAULT_TOKEN_TTL,
    ) -> None:
        if secret is None and keys is None and not allow_plain:
            raise ConfigError(
                "no device could connect: set KULL_TOKEN_SECRET "
                f"(at least {MIN_SECRET_BYTES} bytes), "
                "KULL_TOKEN_KEYS or KULL_TOKEN_JWKS_URL"
            )
        self._secrets = KeyRing([shared(secret)] if secret is not None else [])
        self._keys = keys or KeyRing([])
        self._allow_plain = allow_plain
        self._audience = audience or None
        self._issuer = issuer or None
        self._max_ttl_ms = int(max_ttl * 1000)
        # A token's claims count as long as the key that has verified it is in use.
        self._known: OrderedDict[str, tuple[TokenKey, Claims]] = OrderedDict()

    def verify(self, token: str, now_ms: int, *, grace_ms: int = 0) -> Claims:
        """Return the token's claims; `grace_ms` after its expiry too.

        Raises:
            TokenRefused: with the close code and a reason fit for the device.
        """
        # Two dots make a JWT; a plain user id with two dots needs a real token.
        if self._allow_plain and token.count(".") != 2:
            user, _, device = token.partition(":")
            return _checked(Claims(user=user, device=device, plain=True))
        claims = self._signed(token, now_ms)
        if claims.expires_ms + grace_ms <= now_ms:
            raise TokenRefused(CloseCode.TOKEN_EXPIRED, "the token has expired: get a new one")
        if claims.expires_ms > now_ms + self._max_ttl_ms + LEEWAY_MS:
            raise TokenRefused(
                CloseCode.BAD_TOKEN,
                f"the token lives longer than the {self._max_ttl_ms // 1000} s that are allowed "
                "here (KULL_TOKEN_MAX_TTL): get one that expires earlier",
            )
        return claims

    def _signed(self, token: str, now_ms: int) -> Claims:
        """Return the claims, whether they are in time or not; look at a signature once."""
        known = self._known.get(token)
        if known is None or not self._in_use(known[0]):
            known = self._known[token] = self._verified(token, now_ms)
            while len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        return known[1]

    def _in_use(self, key: TokenKey) -> bool:
        return key in self._source(key.algorithm).find(key.algorithm, key.kid)

    def _source(self, algorithm: str) -> Keys:
        return self._secrets if algorithm == device_tokens.HS256 else self._keys

    def _verified(self, token: str, now_ms: int) -> tuple[TokenKey, Claims]:
        algorithm, kid = _header(token)
        source = self._source(algorithm)
        keys = source.find(algorithm, kid)
        if not keys and source.may_come(kid):
            raise TokenRefused(TRY_AGAIN, "the token's key is being looked up")
        why = "no key here is for it"
        for key in keys:
            try:
                payload = self._decode_with(token, key.key, algorithm)
            except jwt.InvalidSignatureError:
                why = "its signature does not match"
            except (jwt.InvalidTokenError, ValueError, TypeError) as error:
                raise TokenRefused(
                    CloseCode.BAD_TOKEN, f"the token is not valid: {_why(error)}"
                ) from error
            else:
                return key, _checked(_claims(payload, now_ms))
        raise TokenRefused(CloseCode.BAD_TOKEN, f"the token is not valid: {why}")

    def _decode_with(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        payload: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],  # the key's own: never what else the token might like
            audience=self._audience,
            issuer=self._issuer,
            # The clock is ours, so that a simulation can move it.
            options={
                "require": ["sub", "exp"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        return payload


def _header(token: str) -> tuple[str, str]:
    """Return which algorithm and which key a token wants. The rest of it is not looked at."""
    segment = token.partition(".")[0]
    if len(segment) > MAX_TOKEN_CHARS:  # headers are kept
        raise TokenRefused(CloseCode.BAD_TOKEN, "the token is not valid: it is too long")
    return _read_header(segment)


@lru_cache(maxsize=64)  # an issuer writes the same header into each of its tokens
def _read_header(segment: str) -> tuple[str, str]:
    try:
        header = jwt.get_unverified_header(f"{segment}..")
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise TokenRefused(CloseCode.BAD_TOKEN, f"the token is not valid: {_why(error)}") from error
    algorithm, kid = header.get("alg"), header.get("kid", "")
    if algorithm not in device_tokens.ALGORITHMS:
        raise TokenRefused(
            CloseCode.BAD_TOKEN, "the token is not valid: its algorithm is not allowed"
        )
    if not isinstance(kid, str) or len(kid) > MAX_KID:
        raise TokenRefused(
            CloseCode.BAD_TOKEN, "the token is not valid: its key id is no short text"
        )
    return algorithm, kid


def _claims(payload: dict[str, Any], now_ms: int) -> Claims:
    try:
        expires_ms = _milliseconds(payload["exp"])
        issued_ms = _milliseconds(payload["iat"]) if "iat" in payload else 0
        if issued_ms > now_ms + LEEWAY_MS:
            issued_ms = 0
        begins_ms = _milliseconds(payload["nbf"]) if "nbf" in payload else 0
    except (ValueError, OverflowError, TypeError) as error:
        raise TokenRefused(CloseCode.BAD_TOKEN, f"the token is not valid: {_why(error)}") from error
    if begins_ms > now_ms + LEEWAY_MS:
        raise TokenRefused(CloseCode.BAD_TOKEN, "the token is not valid yet: compare the clocks")
    texts = {name: payload.get(name, "") for name in _TEXTS}
    if not all(isinstance(value, str) for value in texts.values()):
        raise TokenRefused(
            CloseCode.BAD_TOKEN, "the token's device, name, platform and jti must be strings"
        )
    if len(texts["jti"]) > MAX_TOKEN_ID_CHARS:
        raise TokenRefused(
            CloseCode.BAD_TOKEN, f"the token's jti has more than {MAX_TOKEN_ID_CHARS} characters"
        )
    return Claims(
        user=payload["sub"],
        device=texts[device_tokens.DEVICE],
        name=texts[device_tokens.NAME],
        platform=texts[device_tokens.PLATFORM],
        rooms=room_claim.read(payload.get(device_tokens.ROOMS, [])),
        contacts=_contacts(payload.get(device_tokens.CONTACTS, [])),
        rights=_rights(payload.get(device_tokens.RIGHTS)),
        expires_ms=expires_ms,
        issued_ms=issued_ms,
        token_id=plain_text(texts["jti"], MAX_TOKEN_ID_CHARS),
    )


def _contacts(value: object) -> frozenset[str]:
    if not isinstance(value, list) or len(value) > MAX_CONTACTS:
        why = f"the token's contacts are not usable: at most {MAX_CONTACTS} user ids in a list"
        raise TokenRefused(CloseCode.BAD_TOKEN, why)
    return frozenset(each for each in value if isinstance(each, str))


def _rights(value: object) -> frozenset[str]:
    if value is None:
        return device_tokens.DEFAULT_RIGHTS
    if not isinstance(value, list) or len(value) > MAX_RIGHTS:
        why = f"the token's rights are not usable: at most {MAX_RIGHTS} names in a list"
        raise TokenRefused(CloseCode.BAD_TOKEN, why)
    return frozenset(each for each in value if isinstance(each, str))


def _milliseconds(seconds: Any) -> int:
    milliseconds = int(float(seconds) * 1000)
    if not 0 < milliseconds < MAX_TIME_MS:
        raise ValueError("this is no time of this millennium")
    return milliseconds


def _why(error: Exception) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"it lacks the claim '{error.claim}'"
    if isinstance(error, jwt.InvalidAudienceError):
        return "it is for another service (`aud`)"
    if isinstance(error, jwt.InvalidIssuerError):
        return "it is from another issuer (`iss`)"
    return "it is malformed (plain tokens are off; see KULL_ALLOW_PLAIN_TOKENS)"


def _checked(claims: Claims) -> Claims:
    try:
        address.user(claims.user)
    except InvalidAddress as error:
        raise TokenRefused(
            CloseCode.BAD_TOKEN, f"the token's user id is not usable: {error}"
        ) from error
    check_device_id(claims.device)
    return claims


def check_device_id(device: str) -> None:
    """Raise TokenRefused unless this can be a device id (or is empty)."""
    if device and (why := device_ids.problem(device)):
        raise TokenRefused(CloseCode.BAD_TOKEN, f"the device id {why}")
