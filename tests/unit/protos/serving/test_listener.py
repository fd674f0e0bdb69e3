"""The accept loop, in a process of its own where descriptors are short."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from kull_protos.serving.listener import Listener, bind
from tests.support.processes import Processes

# Connects to itself until nothing more is to be had; then frees one and connects again.
SCARCE = """\
import asyncio, json, logging, resource, socket, sys, time
from kull_protos.common.places import PlaceLimits, Places
from kull_protos.serving.listener import Listener, bind

lines = []
class Lines(logging.Handler):
    def emit(self, record): lines.append(record.getMessage())
logging.basicConfig(handlers=[Lines()])

class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        opened.append(self)
        self.place = places.enter(transport.abort, peer="")
    def data_received(self, data): self.transport.write(data); places.works(self.place)
    def connection_lost(self, exc): opened.remove(self); places.leave(self.place)

async def main():
    global places, opened
    places, opened = Places(PlaceLimits(waiting=1000)), []
    listener = Listener(bind("127.0.0.1", 0), Echo, shed=places.shed if SHED else lambda: False)
    listener.start()
    print(listener.address[1], flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    cpu = time.process_time()
    await asyncio.sleep(1.5)  # time that passes is what is measured
    print(json.dumps({"cpu": time.process_time() - cpu, "lines": lines, "open": len(opened)}),
          flush=True)
    await asyncio.to_thread(sys.stdin.readline)

SHED = sys.argv[1] == "shed"
resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))
asyncio.run(main())
"""


async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether this connection is served."""
    try:
        writer.write(b"x")
        async with asyncio.timeout(5):
            return await reader.read(1) == b"x"
    except OSError:
        return False


@pytest.mark.parametrize("how", ["shed", "turn away"])
async def test_out_of_descriptors_the_log_stays_short_and_who_is_served_stays_so(
    how: str, async_processes: Processes
) -> None:
    process = await async_processes.start_async(
        *(sys.executable, "-c", SCARCE, how), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    port = int(await process.stdout.readline())
    connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        served = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
        assert all([await echoes(*each) for each in served])
        began = time.monotonic()
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]
        process.stdin.write(b"\n")
        seen: dict[str, Any] = json.loads(await process.stdout.readline())
        assert seen["cpu"] < 0.5
        seconds = time.monotonic() - began
        assert 1 <= len(seen["lines"]) <= seconds + 2, seen["lines"]  # one a second
        assert 20 <= seen["open"] < 80
        assert all([await echoes(*each) for each in served])
        for _, writer in connections:
            writer.transport.abort()
        async with asyncio.timeout(10):
            while not await echoes(*(newcomer := await asyncio.open_connection("127.0.0.1", port))):
                newcomer[1].close()
        newcomer[1].close()
        process.stdin.write(b"\n")
        assert await process.wait() == 0
    finally:
        for _, writer in connections + served:
            writer.close()


@pytest.mark.parametrize("why", [errno.EMFILE, errno.EHOSTUNREACH, errno.EIO])
async def test_an_accept_that_fails_is_tried_again(
    why: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kull_protos.serving.listener.PAUSE", 0.05)
    opened = asyncio.Event()

    class Opened(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            opened.set()
            transport.close()

    class Short:
        """A listening socket that fails the first times."""

        def __init__(self, real: Any) -> None:
            self.real, self.failures = real, 3

        def accept(self) -> Any:
            if self.failures:
                self.failures -= 1
                raise OSError(why, os.strerror(why))
            return self.real.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

    short: Any = Short(bind("127.0.0.1", 0)[0])
    listener = Listener([short], Opened)
    listener.start()
    _, writer = await asyncio.open_connection(*listener.address)
    async with asyncio.timeout(10):
        await opened.wait()
    writer.close()
    listener.close()
    listener.close()
    assert short.failures == 0


async def test_one_port_serves_every_address_of_a_host() -> None:
    listening = bind("localhost", 0)
    ports = {each.getsockname()[1] for each in listening}
    for each in listening:
        each.close()

    assert len(ports) == 1
