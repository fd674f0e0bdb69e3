"""Host names and addresses."""

from __future__ import annotations

import pytest

from kull_protos.common.hosts import authority, is_loopback


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("kull", False)],
)
def test_only_this_machine_reaches_a_loopback_address(host: str, local: bool) -> None:
    assert is_loopback(host) is local


@pytest.mark.parametrize(
    ("host", "written"),
    [("::1", "[::1]:5000"), ("127.0.0.1", "127.0.0.1:5000"), ("localhost", "localhost:5000")],
)
def test_an_address_is_written_so_that_it_can_be_opened(host: str, written: str) -> None:
    assert authority(host, 5000) == written
