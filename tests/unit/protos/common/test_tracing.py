"""What counts as a traceparent: W3C Trace Context, 2.2."""

from __future__ import annotations

import pytest

from kull_protos.common.tracing import NO_TRACER, is_sampled, is_traceparent

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(("flags", "sampled"), [("01", True), ("03", True), ("00", False)])
def test_the_last_bit_says_whether_a_trace_is_recorded(flags: str, sampled: bool) -> None:
    assert is_traceparent(GOOD[:-2] + flags)
    assert is_sampled(GOOD[:-2] + flags) is sampled


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01" + GOOD[2:],
        GOOD.upper(),
        GOOD + "-00",
        GOOD.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        GOOD.replace("b7ad6b7169203331", "0" * 16),
        GOOD + "\n",
        '00-","x":"',
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_traceparent(text)
    assert not is_sampled(text)


def test_without_a_tracer_nothing_is_recorded() -> None:
    NO_TRACER.start("kull.store", "consumer", parent=GOOD)
