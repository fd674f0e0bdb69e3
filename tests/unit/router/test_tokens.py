"""Only tokens that we signed, for devices, in time."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from kull_router.errors import ConfigError, TokenRefused
from kull_router.tokens import BAD_TOKEN, TOKEN_EXPIRED, Claims, TokenVerifier, plain_text

SECRET = "a-secret-of-at-least-sixty-four-bytes-so-that-hs512-takes-it-too-0123"
NOW_MS = 1_000_000


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
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

    assert error.close_code == TOKEN_EXPIRED
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

    assert error.close_code == BAD_TOKEN
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


def test_an_issuer_whose_clock_is_ahead_is_believed() -> None:
    claims = TokenVerifier(SECRET, allow_plain=False).verify(signed(iat=9_999_999_999), NOW_MS)

    assert claims.user == "maya"


def test_a_name_that_no_database_could_store_is_mended() -> None:
    assert plain_text("a\ud800b\x00", 64) == "ab"


def test_names_shown_to_others_are_plain_and_short() -> None:
    assert plain_text("Maya's\x00 Mac\n" + "!" * 100, 12) == "Maya's Mac!!"
