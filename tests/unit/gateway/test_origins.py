from __future__ import annotations

import pytest

from kull_gateway import (
    Origins,
)
from kull_gateway.origins import parse

PAGES = [
    # origin, host, origins, allowed
    ("", "sync.example.com", Origins(), True),
    ("https://sync.example.com", "sync.example.com", Origins(), True),
    ("http://127.0.0.1:5000", "127.0.0.1:5000", Origins(literal=True), True),
    ("http://[::1]:5000", "[::1]:5000", Origins(literal=True), True),
    ("http://rebound.evil:5000", "rebound.evil:5000", Origins(literal=True), False),
    ("https://evil.com", "sync.example.com", Origins(), False),
    ("null", "sync.example.com", Origins(), False),
    ("https://sync.example.com.evil.com", "sync.example.com", Origins(), False),
    ("https://app.example.com", "x", Origins(allowed=parse("https://app.example.com")), True),
    ("https://app.example.com:8443", "x", Origins(allowed=parse("https://app.example.com")), False),
    ("http://app.example.com", "x", Origins(allowed=parse("https://app.example.com")), False),
    ("http://localhost:5173", "127.0.0.1:5000", Origins(local=True), True),
    ("http://localhost.evil.com", "127.0.0.1:5000", Origins(local=True), False),
    ("http://localhost:5173", "sync.example.com", Origins(), False),
    ("https://evil.com", "x", Origins(allowed=parse("*")), True),
]


@pytest.mark.parametrize(("origin", "host", "origins", "allowed"), PAGES)
def test_only_our_own_and_listed_pages_may_talk_to_us(
    origin: str, host: str, origins: Origins, allowed: bool
) -> None:
    assert origins.allows(origin, host) is allowed


@pytest.mark.parametrize("text", ["app.example.com", "https://a/b", "https://*.example.com"])
def test_an_origin_that_no_browser_sends_is_refused_at_start(text: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        parse(text)
