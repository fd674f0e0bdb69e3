"""A sign-in elsewhere counts once, for the browser that began it, and for who may."""

from __future__ import annotations

import base64
import hashlib
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kull_console import NotValid
from kull_console.access import oidc_flow
from kull_console.access.oidc_flow import Journeys, Rights, authorization_url


class Time:
    now = 5.0


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def journeys(time: Time) -> Journeys:
    numbers = count()
    return Journeys(clock=lambda: time.now, randomness=lambda size: next(numbers).to_bytes(size))


def test_the_provider_gets_the_hash_of_what_it_is_shown_later(journeys: Journeys) -> None:
    _, journey = journeys.begin()
    url = authorization_url("https://id/auth?x=1", journey, client_id="c", back_to="https://us/b")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    digest = hashlib.sha256(journey.verifier.encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert asked["code_challenge_method"] == "S256"
    assert (asked["state"], asked["nonce"]) == (journey.state, journey.nonce)
    assert (asked["x"], asked["redirect_uri"]) == ("1", "https://us/b")
    assert journey.verifier not in url


def test_a_journey_ends_once(journeys: Journeys) -> None:
    cookie, journey = journeys.begin()
    assert journeys.end(cookie, journey.state) is journey
    with pytest.raises(NotValid):
        journeys.end(cookie, journey.state)


def test_another_browsers_state_is_refused(journeys: Journeys) -> None:
    mine, _ = journeys.begin()
    _, theirs = journeys.begin()
    with pytest.raises(NotValid, match="somebody else"):
        journeys.end(mine, theirs.state)


def test_who_takes_too_long_begins_anew(journeys: Journeys, time: Time) -> None:
    cookie, journey = journeys.begin()
    time.now += oidc_flow.MINUTES * 60
    with pytest.raises(NotValid, match="too long ago"):
        journeys.end(cookie, journey.state)


def test_only_so_many_are_on_their_way(journeys: Journeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc_flow, "MOST", 1)
    cookie, journey = journeys.begin()
    journeys.begin()
    with pytest.raises(NotValid):
        journeys.end(cookie, journey.state)


@pytest.mark.parametrize(
    ("value", "may"),
    [
        (["staff", "kull-act"], True),
        ("kull-act", True),
        (["kull-read"], False),
        ("kull-read", False),
    ],
)
def test_a_claim_says_who_may_what(value: Any, may: bool) -> None:
    rights = Rights(claim="groups", read="kull-read", act="kull-act")
    operator = rights.operator({"sub": "7", "groups": value, "email": "a@b.c"})
    assert (operator.id, operator.name, operator.may_act) == ("oidc:7", "a@b.c", may)
    assert not operator.by_key


def test_a_name_is_short_and_of_one_line() -> None:
    rights = Rights(claim="groups", read="kull-read", act="kull-act")
    claims = {"sub": "7", "groups": "kull-read", "name": "anna\n(key:2)" + "x" * 500}

    operator = rights.operator(claims)

    assert operator.name == ("anna(key:2)" + "x" * 500)[:64]


@pytest.mark.parametrize("value", [None, "", [], ["kull-reader"], {"kull-read": 1}, 7])
def test_who_may_not_is_refused_also_where_a_right_is_nobodys(value: Any) -> None:
    claims = {"sub": "7"} if value is None else {"sub": "7", "groups": value}
    for rights in (
        Rights(claim="groups", read="kull-read", act="kull-act"),
        Rights(claim="groups", read="", act=""),
    ):
        with pytest.raises(NotValid):
            rights.operator(claims)
