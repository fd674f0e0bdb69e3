"""Hosts on one machine see each other, until a link is cut, and again when it is mended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.network import Host, Network, missing

KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 9), timeout=1)
except ConnectionRefusedError:
    sys.exit(0)  # an answer
except OSError:
    sys.exit(1)
"""


@pytest.fixture
def network() -> Iterator[Network]:
    if why := missing():
        pytest.skip(f"a network {why}")
    with Network(3) as made:
        yield made


def hears(one: Host, other: Host) -> bool:
    """Whether a host gets an answer of another one."""
    knock = one.command(sys.executable, "-c", KNOCK, other.address)
    return subprocess.run(knock, check=False).returncode == 0


def test_a_cut_is_between_two_hosts_and_ends_when_it_is_mended(network: Network) -> None:
    one, other, third = network.hosts
    mend = network.cut(one, other)
    assert [hears(one, other), hears(other, one), hears(one, third)] == [False, False, True]
    mend()
    assert hears(one, other)


def test_an_isolated_host_hears_nobody_while_the_others_hear_each_other(network: Network) -> None:
    one, other, third = network.hosts
    mend = network.isolate(one, network.hosts)
    assert [hears(one, other), hears(one, third), hears(other, third)] == [False, False, True]
    mend()
    assert hears(third, one)


def test_nothing_of_a_network_is_left_and_others_stay(network: Network) -> None:
    with Network(1) as other:
        place = Path("/run/netns", other.hosts[0].namespace)
        assert place.exists()
    assert not place.exists()
    assert hears(network.hosts[0], network.hosts[1])
