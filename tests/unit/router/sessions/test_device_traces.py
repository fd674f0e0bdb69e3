"""A device does not decide that its trace is recorded."""

from __future__ import annotations

import pytest

from kull_router.sessions.device_traces import DeviceTraces

COUNT = 2_000


def traceparent(number: int, *, flag: str = "01", span: int = 1) -> str:
    return f"00-{number:032x}-{span:016x}-{flag}"


def recorded(traces: DeviceTraces) -> set[int]:
    return {n for n in range(1, COUNT) if traces.followed(traceparent(n))}


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 1.0])
def test_so_many_are_recorded_as_we_say_whatever_devices_say(ratio: float) -> None:
    found = recorded(DeviceTraces(ratio=ratio, secret=b"s"))

    assert abs(len(found) / (COUNT - 1) - ratio) <= (0.05 if 0 < ratio < 1 else 0)


def test_a_trace_is_recorded_as_a_whole_and_keeps_its_name() -> None:
    traces = DeviceTraces(ratio=0.5, secret=b"s")

    for number in range(1, 100):
        told = {bool(traces.followed(traceparent(number, span=span))) for span in (1, 2, 3)}
        assert len(told) == 1
    chosen = traceparent(min(recorded(traces)))
    assert traces.followed(chosen) == chosen


def test_no_device_can_choose_an_id_that_is_recorded() -> None:
    one, other = (recorded(DeviceTraces(ratio=0.1, secret=each)) for each in (b"a", b"b"))

    assert one and other and one != other


@pytest.mark.parametrize("text", ["", "nonsense", traceparent(1, flag="00"), traceparent(0)])
def test_what_is_not_to_be_recorded_or_cannot_be_read_is_not(text: str) -> None:
    assert DeviceTraces(ratio=1.0, secret=b"s").followed(text) == ""
