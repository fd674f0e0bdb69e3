"""Certificates that every client takes."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from kull_mesh import certs


def shake(client: ssl.SSLObject, server: ssl.SSLObject, pipes: list[ssl.MemoryBIO]) -> None:
    """Let both sides of a TLS handshake talk until they are through. Raises ssl.SSLError."""
    waiting = [client, server]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                assert any(pipe.pending for pipe in pipes), "both wait"


@pytest.mark.parametrize("host", ["127.0.0.1", "router-1"])
def test_a_client_that_checks_strictly_takes_what_was_issued(tmp_path: Path, host: str) -> None:
    authority = certs.make_authority(tmp_path)
    issued = certs.issue(tmp_path, "router", "router-1", hosts=["router-1", "127.0.0.1"])
    offers = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
    offers.load_cert_chain(issued.certificate, issued.key)
    offers.verify_mode = ssl.CERT_REQUIRED
    checks = ssl.create_default_context(cafile=authority.certificate)
    checks.load_cert_chain(issued.certificate, issued.key)
    for context in (offers, checks):
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()

    client = checks.wrap_bio(down, up, server_hostname=host)
    shake(client, offers.wrap_bio(up, down, server_side=True), [up, down])

    assert client.getpeercert()
