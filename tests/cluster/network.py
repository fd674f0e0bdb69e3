"""Hosts on one machine: network namespaces on a bridge, so that links between them can fail.

Needs Linux, root and iproute2; cuts need iptables, delays and losses the kernel's netem.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Final, Self

PREFIX: Final = "10.77"  # of private addresses (RFC 1918); the third part is drawn for each network


def missing() -> str:
    """Return why no network can be made here; empty: it can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root, for network namespaces"
    for program in ("ip", "iptables"):
        if shutil.which(program) is None:
            return f"needs {program}"
    name = f"kull-{uuid.uuid4().hex[:6]}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "the kernel makes no network namespaces here"
    _ip("netns", "del", name)
    return ""


class Host:
    """A host with one address. What runs there is started with `command`."""

    def __init__(self, namespace: str, address: str) -> None:
        self.namespace = namespace
        self.address = address

    def command(self, *command: str) -> list[str]:
        """Return what runs a command on this host."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def run(self, *command: str) -> None:
        """Run a command on this host to its end. Raises CalledProcessError."""
        subprocess.run(self.command(*command), check=True, capture_output=True)

    def __repr__(self) -> str:
        return self.address


class Network:
    """Hosts that see each other, and this machine. `with Network(3) as network`."""

    def __init__(self, hosts: int) -> None:
        self._stack = ExitStack()
        self._id = uuid.uuid4().hex[:4]
        self._bridge = f"kull{self._id}"
        third = int(self._id, 16) % 250 + 1
        self._net = f"{PREFIX}.{third}"
        self.hosts = [
            Host(f"kull-{self._id}-{number}", f"{self._net}.{number + 10}")
            for number in range(hosts)
        ]

    def __enter__(self) -> Self:
        """Make the bridge and the hosts."""
        try:
            self._make()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove them. What still runs on a host keeps its namespace alive, but no link."""
        self._stack.close()

    def _make(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        self._stack.callback(_ip, "link", "del", self._bridge)
        _ip("addr", "add", f"{self._net}.1/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for number, host in enumerate(self.hosts):
            _ip("netns", "add", host.namespace)
            self._stack.callback(_ip, "netns", "del", host.namespace)
            outside = f"kv{self._id}-{number}"
            _ip("link", "add", outside, "type", "veth", "peer", "eth0", "netns", host.namespace)
            _ip("link", "set", outside, "master", self._bridge, "up")
            host.run("ip", "addr", "add", f"{host.address}/24", "dev", "eth0")
            host.run("ip", "link", "set", "lo", "up")
            host.run("ip", "link", "set", "eth0", "up")

    def cut(self, one: Host, other: Host, *, one_way: bool = False) -> Callable[[], None]:
        """Drop what two hosts send each other, without a word; return what mends it.

        one_way: only what `one` sends is lost.
        """
        rules = [(other, one)] if one_way else [(one, other), (other, one)]
        for at, of in rules:
            _drop(at, of, "-I")
        return partial(_mend, rules)

    def isolate(self, one: Host, others: list[Host]) -> Callable[[], None]:
        """Cut a host off from others; return what mends it."""
        mends = [self.cut(one, each) for each in others if each is not one]

        def mend() -> None:
            for each in mends:
                each()

        return mend

    def impair(self, host: Host, *netem: str) -> Callable[[], None]:
        """Let what a host sends suffer, such as `delay 50ms`, `loss 5%`; return what mends it."""
        host.run("tc", "qdisc", "add", "dev", "eth0", "root", "netem", *netem)
        return lambda: host.run("tc", "qdisc", "del", "dev", "eth0", "root")


def _drop(at: Host, of: Host, how: str) -> None:
    at.run("iptables", how, "INPUT", "-s", of.address, "-j", "DROP")


def _mend(rules: list[tuple[Host, Host]]) -> None:
    for at, of in rules:
        _drop(at, of, "-D")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
