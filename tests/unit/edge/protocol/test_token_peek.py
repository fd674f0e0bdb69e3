"""Tokens are read far enough to route, and bad ids are refused with the reason."""

from __future__ import annotations

import random

import jwt
import pytest

from kull_edge.errors import BadToken
from kull_edge.protocol.token_peek import Identity, read_token

RNG = random.Random(1)


def _jwt(**claims: object) -> str:
    return jwt.encode(claims, "k" * 32, "HS256")


def test_a_jwt_names_user_and_device() -> None:
    who = read_token(_jwt(sub="maya", device="mac"), allow_plain=False, rng=RNG)

    assert who == Identity(user_id="maya", device_id="mac", ephemeral=False)


def test_without_a_device_claim_each_connection_is_a_device_of_its_own() -> None:
    first, second = (read_token(_jwt(sub="maya"), allow_plain=False, rng=RNG) for _ in "12")

    assert first.ephemeral
    assert first.device_id.startswith("web-")
    assert first.device_id != second.device_id


def test_plain_tokens_name_user_and_device_where_allowed() -> None:
    assert read_token("maya:mac", allow_plain=True, rng=RNG).device_id == "mac"
    assert read_token("maya", allow_plain=True, rng=RNG).ephemeral
    assert read_token("a.b.c", allow_plain=True, rng=RNG).user_id == "a.b.c"
    with pytest.raises(BadToken, match="KULL_ALLOW_PLAIN_TOKENS"):
        read_token("maya", allow_plain=False, rng=RNG)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (_jwt(device="mac"), "user id is missing"),
        (_jwt(sub=""), "user id is missing"),
        (_jwt(sub="maya", device=""), "device id is missing"),
        (_jwt(sub="maya", device=7), "not a string"),
        (_jwt(sub="u" * 101), "100"),
        (_jwt(sub="." * 90), "200 escaped"),
        (_jwt(sub="é" * 62), "128"),
        (_jwt(sub="maya", device="d" * 101), "100"),
        (_jwt(sub="ma\nya"), "control"),
        ("maya:", "device id is missing"),
        (":mac", "user id is missing"),
        ("x" * 5000, "4096"),
        ("a\x00b", "control"),
        ("\ud800", "surrogate"),
    ],
)
def test_an_unusable_id_is_refused_with_the_reason(token: str, why: str) -> None:
    with pytest.raises(BadToken, match=why) as caught:
        read_token(token, allow_plain=True, rng=RNG)

    assert token not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "asked", "why"),
    [
        (_jwt(sub="maya", device="mac"), "phone", "names another device"),
        (_jwt(sub="maya"), "mac", "names no device"),
        (_jwt(sub="maya"), "web-1", "names no device"),
        ("maya", "mac", "names no device"),
    ],
)
def test_a_device_id_that_the_token_does_not_name_is_refused(
    token: str, asked: str, why: str
) -> None:
    with pytest.raises(BadToken, match=why):
        read_token(token, allow_plain=True, rng=RNG, asked=asked)


def test_a_device_id_beside_the_claim_that_names_it_is_the_device() -> None:
    for token in (_jwt(sub="maya", device="mac"), "maya:mac"):
        assert read_token(token, allow_plain=True, rng=RNG, asked="mac").device_id == "mac"
