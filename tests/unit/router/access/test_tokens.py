"""Only tokens that we signed, for devices, in time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from kull_protos.contract.close_codes import CloseCode
from kull_protos.contract.texts import plain_text
from kull_router.access.token_keys import KeyRing, TokenKey, parse_file
from kull_router.access.tokens import MAX_KNOWN, Claims, TokenVerifier
from kull_router.errors import ConfigError, TokenRefused

SECRET = "a-secret-of-at-least-sixty-four-bytes-so-that-hs512-takes-it-too-0123"
NOW_MS = 1_000_000


def signed(secret: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"sub": "maya", "exp": NOW_MS // 1000 + 60, **claims}, secret, algorithm)


def refused(token: str, verifier: TokenVerifier | None = None) -> TokenRefused:
    with pytest.raises(TokenRefused) as caught:
        (verifier or TokenVerifier(SECRET, allow_plain=False)).verify(token, NOW_MS)
    return caught.value


def test_a_signed_token_tells_who_connects() -> None:
    token = signed(device="mac-1", name="Maya's Mac", platform="macos")

    claims = TokenVerifier(SECRET, allow_plain=False).verify(token, NOW_MS)

    assert claims == Claims(
        user="maya",
        device="mac-1",
        name="Maya's Mac",
        platform="macos",
        expires_ms=NOW_MS + 60_000,
    )


def test_a_token_is_worth_nothing_from_its_expiry_on() -> None:
    error = refused(signed(exp=NOW_MS // 1000))

    assert error.close_code == CloseCode.TOKEN_EXPIRED
    assert "get a new one" in str(error)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (signed(secret="another-secret-of-thirty-two-bytes!!"), "signature"),
        (jwt.encode({"sub": "maya", "exp": 9e9}, "", "none"), "algorithm"),
        (signed(algorithm="HS512"), "algorithm"),
        (jwt.encode({"exp": 9e9}, SECRET), "'sub'"),
        (jwt.encode({"sub": "maya"}, SECRET), "'exp'"),
        (signed(aud="kull-service"), "another service"),
        (signed(exp=NOW_MS // 1000 + 40 * 86_400), "KULL_TOKEN_MAX_TTL"),
        (signed(nbf=NOW_MS // 1000 + 3600), "not valid yet"),
        (signed(jti=7), "malformed"),
        (signed(jti="j" * 200), "jti"),
        (signed(rooms="shoot-1"), "rooms"),
        (signed(rooms=["r"] * 33), "rooms"),
        (signed(rooms=["r" * 300]), "rooms"),
        (signed(sub="u" * 300), "user id"),
        (signed(sub=""), "user id"),
        (signed(device="d" * 101), "device id"),
        (signed(device=["mac"]), "must be strings"),
        (signed(exp="soon"), "malformed"),
        (signed(exp=[1]), "malformed"),
        (signed(exp=10**30), "malformed"),
        (signed(exp=-1), "malformed"),
        (signed(device="\ud800"), "device id"),
        ("maya:mac", "KULL_ALLOW_PLAIN_TOKENS"),
        ("", "malformed"),
    ],
)
def test_any_other_token_is_refused_with_its_reason(token: str, why: str) -> None:
    error = refused(token)

    assert error.close_code == CloseCode.BAD_TOKEN
    assert why in str(error)


def test_a_refusal_never_repeats_the_token() -> None:
    token = signed(secret="another-secret-of-thirty-two-bytes!!")

    assert token not in str(refused(token))


@pytest.mark.parametrize(
    ("token", "user", "device"),
    [("maya", "maya", ""), ("maya:mac-1", "maya", "mac-1"), ("maya:a:b", "maya", "a:b")],
)
def test_plain_tokens_work_where_they_are_allowed(token: str, user: str, device: str) -> None:
    claims = TokenVerifier(None, allow_plain=True).verify(token, NOW_MS)

    assert (claims.user, claims.device, claims.expires_ms) == (user, device, 0)


def test_signed_tokens_are_still_verified_where_plain_ones_are_allowed() -> None:
    error = refused(signed(secret="x" * 32), TokenVerifier(SECRET, allow_plain=True))

    assert "signature" in str(error)


def test_a_short_secret_is_refused_at_start() -> None:
    with pytest.raises(ConfigError, match="at least 32 bytes"):
        TokenVerifier("short", allow_plain=False)


def test_a_router_that_could_accept_nobody_is_refused_at_start() -> None:
    with pytest.raises(ConfigError, match="KULL_TOKEN_SECRET"):
        TokenVerifier(None, allow_plain=False)


def test_a_token_is_good_a_little_longer_for_who_is_connected_already() -> None:
    token = signed(exp=NOW_MS // 1000 - 5)
    verifier = TokenVerifier(SECRET, allow_plain=False)

    assert verifier.verify(token, NOW_MS, grace_ms=6_000).user == "maya"
    with pytest.raises(TokenRefused):
        verifier.verify(token, NOW_MS, grace_ms=5_000)


def test_a_token_that_was_verified_before_expires_all_the_same() -> None:
    verifier = TokenVerifier(SECRET, allow_plain=False)
    token = signed()
    verifier.verify(token, NOW_MS)

    with pytest.raises(TokenRefused) as caught:
        verifier.verify(token, NOW_MS + 60_000)

    assert caught.value.close_code == CloseCode.TOKEN_EXPIRED


def test_a_signature_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = TokenVerifier(SECRET, allow_plain=False)
    claims = verifier.verify(signed(), NOW_MS)
    monkeypatch.setattr(jwt, "decode", None)

    assert verifier.verify(signed(), NOW_MS) == claims


def test_only_so_many_verified_tokens_are_remembered() -> None:
    verifier = TokenVerifier(SECRET, allow_plain=False)

    for number in range(MAX_KNOWN + 10):
        verifier.verify(signed(sub=f"user-{number}"), NOW_MS)

    assert len(verifier._known) == MAX_KNOWN


def test_audience_and_issuer_are_checked_where_they_are_set() -> None:
    verifier = TokenVerifier(SECRET, allow_plain=False, audience="kull", issuer="https://id")

    assert verifier.verify(signed(aud="kull", iss="https://id"), NOW_MS).user == "maya"
    assert "aud" in str(refused(signed(aud="other", iss="https://id"), verifier))
    assert "'aud'" in str(refused(signed(iss="https://id"), verifier))
    assert "iss" in str(refused(signed(aud="kull", iss="https://evil"), verifier))
    assert "'iss'" in str(refused(signed(aud="kull"), verifier))


def test_rooms_id_and_times_are_read() -> None:
    token = signed(rooms=["shoot-1", "team"], jti="t-1", iat=NOW_MS // 1000 - 1)

    claims = TokenVerifier(SECRET, allow_plain=False).verify(token, NOW_MS)

    assert claims.rooms.keys() == {"room:shoot-1", "room:team"}
    assert (claims.token_id, claims.issued_ms) == ("t-1", NOW_MS - 1000)


RSA = generate_private_key(65537, 2048)
OTHER_RSA = generate_private_key(65537, 2048)
ED = Ed25519PrivateKey.generate()


def public_pem(*keys: Any) -> bytes:
    return b"".join(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for key in keys
    )


@pytest.fixture
def public() -> TokenVerifier:
    """A verifier that holds public keys only."""
    return TokenVerifier(None, allow_plain=False, keys=KeyRing(parse_file(public_pem(RSA, ED))))


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", RSA), ("EdDSA", ED)])
def test_public_keys_verify(public: TokenVerifier, algorithm: str, key: Any) -> None:
    assert public.verify(signed(secret=key, algorithm=algorithm), NOW_MS).user == "maya"


class Replaced:
    """Keys that an operator replaces."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring

    def find(self, algorithm: str, kid: str) -> Sequence[TokenKey]:
        """See Keys."""
        return self.ring.find(algorithm, kid)

    def may_come(self, kid: str) -> bool:
        """See Keys."""
        return self.ring.may_come(kid)


def test_a_key_that_is_gone_verifies_nothing_any_more() -> None:
    keys = Replaced(KeyRing(parse_file(public_pem(RSA, ED))))
    verifier = TokenVerifier(None, allow_plain=False, keys=keys)
    token = signed(secret=RSA, algorithm="RS256")
    assert verifier.verify(token, NOW_MS).user == "maya"

    keys.ring = KeyRing(parse_file(public_pem(OTHER_RSA, ED)))

    assert refused(token, verifier).close_code == CloseCode.BAD_TOKEN


def forged_by_hand(header: dict[str, Any], secret: bytes) -> str:
    """A token as an attacker makes it: PyJWT would refuse to."""

    def part(value: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    body = part(header) + b"." + part({"sub": "maya", "exp": NOW_MS // 1000 + 60})
    mac = hmac.new(secret, body, hashlib.sha256).digest()
    return (body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def test_a_public_key_is_no_secret_for_hs256(public: TokenVerifier) -> None:
    for secret in (public_pem(RSA), public_pem(RSA).strip(), public_pem(ED)):
        confused = forged_by_hand({"alg": "HS256", "typ": "JWT"}, secret)
        assert "no key here" in str(refused(confused, public))


def test_a_token_cannot_bring_its_own_key(public: TokenVerifier) -> None:
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_RSA.public_key()))
    for extra in ({"jwk": jwk}, {"jku": "http://evil"}, {"x5u": "http://evil"}):
        token = jwt.encode(
            {"sub": "maya", "exp": NOW_MS // 1000 + 60}, OTHER_RSA, "RS256", headers=extra
        )
        assert "signature" in str(refused(token, public))


@pytest.mark.parametrize(
    "kid", ["../../etc/passwd", "/dev/null", "' OR 1=1 --", "http://evil/key", "\x00", "k" * 200]
)
def test_a_key_id_is_only_compared(public: TokenVerifier, kid: str) -> None:
    token = jwt.encode(
        {"sub": "maya", "exp": NOW_MS // 1000 + 60}, RSA, "RS256", headers={"kid": kid}
    )

    assert "no key here" in str(refused(token, public))


@pytest.mark.parametrize("kid", [7, ["a"], {"a": 1}, "k" * 300])
def test_a_key_id_that_is_no_short_text_is_refused(public: TokenVerifier, kid: Any) -> None:
    assert "not valid" in str(refused(forged_by_hand({"alg": "RS256", "kid": kid}, b""), public))


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,9}"))
def test_no_text_is_a_token_or_breaks_the_verifier(token: str) -> None:
    with pytest.raises(TokenRefused):
        TokenVerifier(SECRET, allow_plain=False).verify(token, NOW_MS)


def test_an_issuer_whose_clock_is_ahead_is_believed() -> None:
    claims = TokenVerifier(SECRET, allow_plain=False).verify(signed(iat=9_999_999_999), NOW_MS)

    assert claims.user == "maya"


def test_a_name_that_no_database_could_store_is_mended() -> None:
    assert plain_text("a\ud800b\x00", 64) == "ab"


def test_names_shown_to_others_are_plain_and_short() -> None:
    assert plain_text("Maya's\x00 Mac\n" + "!" * 100, 12) == "Maya's Mac!!"
    assert plain_text("gpj.\u202ecaM\x9b31m", 64) == "gpj.caM31m"
    assert plain_text("👩\u200d👧 phone", 64) == "👩\u200d👧 phone"


@pytest.mark.parametrize(("ahead", "known"), [(0.25, True), (59, True), (61, False), (9e8, False)])
def test_a_time_of_issue_that_no_clock_could_tell_counts_for_none(
    ahead: float, known: bool
) -> None:
    iat = NOW_MS / 1000 + ahead
    claims = TokenVerifier(SECRET, allow_plain=False).verify(signed(iat=iat), NOW_MS)

    assert claims.issued_ms == (int(iat * 1000) if known else 0)
