"""Which web pages may talk to us."""

from __future__ import annotations

import pytest

from kull_protos.common.origins import Origins, parse

APP = "https://app.example.com"


@pytest.mark.parametrize(
    ("origins", "origin", "host", "allowed"),
    [
        (Origins(), "", "edge", True),  # no browser
        (Origins(), APP, "app.example.com", True),  # a page of our own host
        (Origins(), APP, "edge.example.com", False),
        (Origins(allowed=frozenset({APP})), APP, "edge.example.com", True),
        (Origins(allowed=frozenset({"*"})), APP, "edge.example.com", True),
        (Origins(local=True), "http://localhost:5173", "edge.example.com", True),
        (Origins(local=True), "http://localhost.evil:5173", "edge.example.com", False),
        (Origins(literal=True), "http://rebound.evil:5000", "rebound.evil:5000", False),
        (Origins(literal=True), "http://LOCALHOST:5000", "localhost:5000", False),
        (Origins(literal=True), "http://localhost:5000", "LOCALHOST:5000", True),
        (Origins(literal=True), "http://127.0.0.1", "127.0.0.1", True),
        (Origins(literal=True), "http://[::1]:5000", "[::1]:5000", True),
    ],
)
def test_a_page_is_let_in_by_where_it_comes_from(
    origins: Origins, origin: str, host: str, allowed: bool
) -> None:
    assert origins.allows(origin, host) is allowed


def test_a_list_of_origins_is_read_and_what_is_none_is_refused() -> None:
    assert parse(f" {APP}, http://localhost:5173 ,*,") == {APP, "http://localhost:5173", "*"}
    with pytest.raises(ValueError, match="is no origin"):
        parse(f"{APP}/path")


@pytest.mark.parametrize(
    "origin",
    [
        *("capacitor://localhost", "ionic://localhost", "tauri://localhost", "app://kull", "null"),
        *(
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            "moz-extension://5d7f-3a",
            "app://-",
        ),
    ],
)
def test_an_app_around_a_web_view_is_let_in_when_its_exact_origin_is_listed(origin: str) -> None:
    assert not Origins(local=True).allows(origin, "localhost")
    assert Origins(allowed=parse(origin)).allows(origin, "localhost")
    assert not Origins(allowed=parse(origin)).allows(f"{origin}.evil.com", "localhost")


@pytest.mark.parametrize("text", ["capacitor://", "capacitor://localhost/", "App://kull", "nul"])
def test_what_no_browser_sends_as_an_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        parse(text)
