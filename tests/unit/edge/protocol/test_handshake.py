"""The upgrade request is read strictly, and mistakes are named."""

from __future__ import annotations

import pytest

from kull_edge.protocol import handshake


@pytest.mark.parametrize("after", ["user", "user:", ":1", "user:-1", "user:x", "user:٣", "a" * 999])
def test_a_bad_position_in_the_query_is_a_problem(after: str) -> None:
    assert "after" in handshake.read(f"/ws?token=t&epoch=e&after={after}", []).problem


def test_positions_in_the_query_are_read() -> None:
    read = handshake.read("/ws?token=t&epoch=e&after=user:12,room:a:7", ["kull.sync.v2"])

    assert (read.v2, read.token, read.epoch) == (True, "t", "e")
    assert read.after == {"user": 12, "room:a": 7}
    assert not read.problem


def test_positions_without_an_epoch_are_a_problem() -> None:
    assert "epoch" in handshake.read("/ws?token=t&after=user:12", []).problem


def test_the_token_of_the_subprotocol_is_read_and_never_shown() -> None:
    read = handshake.read("/ws", ["kull.sync.v2", "kull.token.secret"])

    assert read.token == "secret"
    assert "secret" not in repr(read)


def test_an_empty_token_is_none() -> None:
    assert handshake.read("/ws?token=", []).token is None


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("epoch=" + "e" * 101, "epoch"),
        ("instance=" + "i" * 101, "instance"),
        ("deviceId=" + "d" * 101, "deviceId"),
        ("&".join(f"f{number}=1" for number in range(33)), "fields"),
    ],
)
def test_what_is_too_long_is_a_problem_that_is_named(query: str, what: str) -> None:
    assert what in handshake.read(f"/ws?token=t&{query}", []).problem
