"""What a revocation takes back, and what it does not."""

from __future__ import annotations

import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kull_router.access.revocations import Revocation, Revocations
from kull_router.access.tokens import Claims

if TYPE_CHECKING:
    from _typeshed import TraceFunction

TOKEN = Claims(user="maya", device="mac", issued_ms=1000, token_id="t-1", expires_ms=9000)


def revocation(number: int = 1, **fields: Any) -> Revocation:
    return Revocation(number=number, **({"until_ms": 9000} | fields))


@pytest.mark.parametrize(
    ("fields", "covered"),
    [
        ({"user": "maya", "issued_before_ms": 1000}, True),
        ({"user": "maya", "issued_before_ms": 999}, False),
        ({"user": "otto", "issued_before_ms": 5000}, False),
        ({"user": "maya", "device": "mac", "issued_before_ms": 1000}, True),
        ({"user": "maya", "device": "phone", "issued_before_ms": 1000}, False),
        ({"token_id": "t-1"}, True),
        ({"token_id": "t-2"}, False),
        ({"user": "maya", "token_id": "t-1"}, True),
        ({"user": "otto", "token_id": "t-1"}, False),
        ({"user": "maya", "issued_before_ms": 900, "ahead_ms": 100}, True),
        ({"user": "maya", "issued_before_ms": 900, "ahead_ms": 99}, False),
        ({"issued_before_ms": 1000}, True),
        ({"issued_before_ms": 999}, False),
    ],
)
def test_a_revocation_covers_exactly_what_it_names(fields: dict[str, Any], covered: bool) -> None:
    revoked = Revocations()
    revoked.add([revocation(**fields)])

    assert revoked.cover(TOKEN, "mac") is covered
    assert revocation(**fields).covers(TOKEN, "mac") is covered


def test_a_token_that_does_not_say_when_it_was_issued_counts_as_old() -> None:
    revoked = Revocations()
    revoked.add([revocation(user="maya", issued_before_ms=1)])

    assert revoked.cover(Claims(user="maya", device="mac"), "mac")


def test_who_needs_no_signature_cannot_be_revoked() -> None:
    revoked = Revocations()
    revoked.add([revocation(user="maya", issued_before_ms=1000)])

    assert not revoked.cover(Claims(user="maya", plain=True), "mac")


def test_an_earlier_moment_takes_nothing_away_from_a_later_one() -> None:
    revoked = Revocations()
    revoked.add([revocation(1, user="maya", issued_before_ms=2000)])
    revoked.add([revocation(2, user="maya", issued_before_ms=10)])

    assert revoked.cover(TOKEN, "mac")


def test_only_what_is_new_is_returned_and_the_expired_is_forgotten() -> None:
    revoked = Revocations()
    first = revocation(1, user="maya", issued_before_ms=1000)
    second = revocation(2, token_id="t-9")

    assert revoked.add([first]) == [first]
    assert revoked.add([first, second]) == [second]
    assert len(revoked) == 2
    revoked.expire(9000)
    assert (len(revoked), revoked.last) == (0, 2)


def test_what_is_revoked_again_is_forgotten_at_the_later_end() -> None:
    revoked = Revocations()
    revoked.add([revocation(1, token_id="t-1"), revocation(2, user="maya", issued_before_ms=1000)])
    revoked.add([revocation(3, token_id="t-1", until_ms=9500)])
    revoked.add([revocation(4, user="maya", until_ms=9500)])

    revoked.expire(9000)
    assert len(revoked) == 2
    assert revoked.cover(TOKEN, "mac")
    revoked.expire(9500)
    assert len(revoked) == 0


def test_a_look_costs_the_same_whether_a_hundred_or_a_hundred_thousand_are_in_force() -> None:
    def steps(count: int) -> int:
        revoked = Revocations()
        revoked.add(revocation(n, user="otto", token_id=f"t-{n}") for n in range(1, count + 1))
        taken = 0

        def count_line(frame: FrameType, event: str, _: object) -> TraceFunction:
            nonlocal taken
            taken += event == "line"
            return count_line

        before = sys.gettrace()
        sys.settrace(count_line)
        try:
            revoked.add([])
            revoked.expire(8999)
            assert not revoked.cover(TOKEN, "mac")
        finally:
            sys.settrace(before)
        return taken

    assert 0 < steps(100_000) == steps(100)


MOMENTS = st.builds(
    Revocation,
    issued_before_ms=st.integers(0, 9),
    ahead_ms=st.integers(0, 9),
    until_ms=st.integers(0, 9),
)


@given(MOMENTS, MOMENTS, st.integers(0, 20))
def test_two_of_a_scope_joined_take_back_what_either_does(
    one: Revocation, other: Revocation, issued_ms: int
) -> None:
    joined, claims = one.joined(other), Claims(user="maya", issued_ms=issued_ms)

    either = one.covers(claims, "mac") or other.covers(claims, "mac")
    assert joined.covers(claims, "mac") == either
    assert joined.until_ms == max(one.until_ms, other.until_ms)
    assert joined.includes(one) and joined.includes(other)
    if one.includes(other):
        assert joined == one


NAMES = st.sampled_from(["", "maya", "otto"])
TOKENS = st.builds(
    Claims,
    user=st.sampled_from(["maya", "otto"]),
    issued_ms=st.integers(0, 5),
    token_id=st.sampled_from(["", "t-1", "t-2"]),
)


@given(
    st.lists(
        st.builds(
            Revocation,
            user=NAMES,
            device=st.sampled_from(["", "mac"]),
            token_id=st.sampled_from(["", "t-1"]),
            issued_before_ms=st.integers(0, 5),
            until_ms=st.just(9),
        ).filter(lambda each: each.user or not each.device),
        max_size=6,
    ),
    TOKENS,
    st.sampled_from(["mac", "phone"]),
)
def test_the_index_agrees_with_each_revocation_by_itself(
    listed: list[Revocation], claims: Claims, device: str
) -> None:
    revoked = Revocations()
    numbered = [
        revocation(
            number,
            user=each.user,
            device=each.device,
            token_id=each.token_id,
            issued_before_ms=each.issued_before_ms,
        )
        for number, each in enumerate(listed, 1)
    ]
    revoked.add(numbered)

    assert revoked.cover(claims, device) == any(each.covers(claims, device) for each in listed)
