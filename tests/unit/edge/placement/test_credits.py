"""A bounded number of unanswered requests."""

from __future__ import annotations

from kull_edge.placement.credits import Credits


def test_credits_serve_in_order_and_bound_what_is_open() -> None:
    line: Credits[str] = Credits(2)
    for key in "abca":
        line.want(key)

    assert [line.take(), line.take(), line.take()] == ["a", "b", None]
    line.forget("c")
    line.give()
    assert line.take() is None
    line.want("d")
    assert line.take() == "d"
