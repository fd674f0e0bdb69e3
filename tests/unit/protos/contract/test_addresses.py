"""Whoever gets events can come for them: one rule for ids at every door."""

from __future__ import annotations

import random

import jwt
from hypothesis import example, given
from hypothesis import strategies as st

from kull_edge.errors import BadToken
from kull_edge.protocol.token_peek import read_token
from kull_producers import InvalidEvent
from kull_producers.events import address
from kull_protos.contract.addresses import problem
from kull_protos.contract.limits import MAX_USER_ID_CHARS


def connects(user_id: str) -> bool:
    token = jwt.encode({"sub": user_id, "device": "mac"}, "k" * 32, algorithm="HS256")
    try:
        return read_token(token, allow_plain=False, rng=random.Random(1)).user_id == user_id
    except BadToken:
        return False


def gets_events(user_id: str) -> bool:
    try:
        return address.user(user_id) == f"user:{user_id}"
    except InvalidEvent:
        return False


@given(st.text(st.characters(codec="utf-8"), max_size=130))
@example("x" * MAX_USER_ID_CHARS)
@example("x" * (MAX_USER_ID_CHARS + 1))
@example("x" * 123)
@example("写" * 41)
@example("." * 67)
@example("a\x85")
@example("")
def test_a_device_may_connect_under_an_id_exactly_if_events_can_be_published_for_it(
    user_id: str,
) -> None:
    assert connects(user_id) == gets_events(user_id) == (not problem(user_id))
