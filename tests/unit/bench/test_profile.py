"""A sample of a profile counts for the innermost frame of ours, with the library that it is in."""

from __future__ import annotations

import pytest

from bench.profile import shares

OURS = "run (kull_router/delivery/shard.py:12)"
LOOP = "_run_once (/usr/lib/python3.11/asyncio/base_events.py:1900)"


@pytest.mark.parametrize(
    ("stack", "place"),
    [
        (f"main (x.py:1);{OURS} 3", "kull_router/delivery"),
        (f"{OURS};loads (/usr/lib/python3.11/json/__init__.py:9) 1", "kull_router/delivery  json"),
        (
            f"{OURS};Run (/v/lib/python3.11/site-packages/grpc/_x.py:4) 1",
            "kull_router/delivery  grpc",
        ),
        (f"{LOOP};select (/usr/lib/python3.11/selectors.py:468) 2", "selectors"),
        ("serve (/a/router/kull_router/core.py:3) 2", "kull_router/core"),
        ("<native> 5", "Python itself"),
    ],
)
def test_a_sample_has_one_place(stack: str, place: str) -> None:
    assert list(shares(stack)) == [place]


def test_samples_of_one_place_add_up() -> None:
    assert shares(f"{OURS} 3\nother (y.py:1);{OURS} 4")["kull_router/delivery"] == 7
