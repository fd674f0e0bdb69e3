"""No script reads the cookie, no other site sends it, and over TLS nothing else carries it."""

from __future__ import annotations

from kull_console.access.cookies import Cookie


def test_over_tls_the_cookie_is_held_to_this_host() -> None:
    assert Cookie(True).set("x", seconds=60.9) == (
        "__Host-kull-console-session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
    )


def test_without_tls_it_is_as_closed_as_can_be() -> None:
    assert Cookie(False).set("x", seconds=60) == (
        "kull-console-session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"
    )


def test_it_is_removed_under_the_same_name() -> None:
    assert Cookie(True).clear().startswith("__Host-kull-console-session=; Path=/; Max-Age=0;")


def test_the_one_for_signing_in_elsewhere_is_sent_when_one_comes_back() -> None:
    text = Cookie(True, lax=True, purpose="oidc").set("x", seconds=60)
    assert text.startswith("__Host-kull-console-oidc=x;") and "SameSite=Lax" in text
