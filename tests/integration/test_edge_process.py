"""`kull edge` as a process: it starts, says what is wrong, and stops cleanly."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from websockets.asyncio.client import connect

from tests.support.ports import free_port
from tests.support.processes import Processes, children


@asynccontextmanager
async def edge(*options: str, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    async with Processes() as processes:  # ends its workers as well
        yield await processes.start_async(
            sys.executable,
            *("-m", "kull_mesh", "edge", *options),
            env={"KULL_EDGE_PORT": "0", "KULL_EDGE_ROUTERS": "127.0.0.1:1", **settings},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


async def line_with(process: asyncio.subprocess.Process, event: str) -> dict[str, str]:
    """Read the log until an event comes."""
    assert process.stdout
    async with asyncio.timeout(20):
        async for raw in process.stdout:
            if not raw.startswith(b"{"):
                continue  # gRPC's own words
            line: dict[str, str] = json.loads(raw)
            if event in line["event"]:
                return line
    raise AssertionError(f"the edge ended without {event}")


async def outcome(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Wait for the end; return the exit code and what was logged."""
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_it_says_where_it_listens_and_stops_on_sigterm_and_sigint() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        async with edge(KULL_LOG_FORMAT="json") as process:
            url = (await line_with(process, "edge_started"))["url"]
            async with connect(url, subprotocols=None):  # its session is being refused
                process.send_signal(number)
                code, output = await outcome(process)
            assert (code, "edge_stopped" in output) == (0, True)


async def test_plain_tokens_are_warned_of_loudly() -> None:
    async with edge(KULL_LOG_FORMAT="json", KULL_ALLOW_PLAIN_TOKENS="1") as process:
        line = await line_with(process, "plain_tokens_allowed")
        assert line["level"] == "warning"


async def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        async with edge(KULL_EDGE_PORT=port) as process:
            code, output = await outcome(process)
    assert code == 1
    (line,) = output.splitlines()
    assert port in line
    assert "Is another edge running?" in line


async def test_a_wrong_setting_is_one_clear_line() -> None:
    async with edge(KULL_EDGE_ROUTERS="nowhere", KULL_EDGE_KEEPALIVE="-1") as process:
        code, output = await outcome(process)
    assert code == 1
    (line,) = output.splitlines()
    assert "'nowhere' is not host:port" in line
    assert "KULL_EDGE_KEEPALIVE" in line


async def test_workers_share_a_port_are_started_again_and_stop_together() -> None:
    port = str(free_port())
    async with edge("--workers", "2", KULL_LOG_FORMAT="json", KULL_EDGE_PORT=port) as process:
        started = [await line_with(process, "edge_started") for _ in range(2)]
        assert {line["edge"].rpartition("/")[2] for line in started} == {"0", "1"}
        assert {line["url"] for line in started} == {f"ws://127.0.0.1:{port}/ws"}

        os.kill(children(process.pid)[0], signal.SIGKILL)
        assert str((await line_with(process, "edge_worker_died"))["worker"]) in {"0", "1"}
        await line_with(process, "edge_started")
        workers = children(process.pid)

        process.send_signal(signal.SIGTERM)
        code, _ = await outcome(process)
        assert (len(workers), code) == (2, 0)
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


async def test_workers_that_cannot_run_end_with_the_reason() -> None:
    port = str(free_port())
    settings = {"KULL_EDGE_PORT": port, "KULL_EDGE_HOST": "192.0.2.1"}  # an address of nobody
    async with edge("--workers", "2", **settings) as process:
        code, output = await outcome(process)
    assert code == 1
    assert "cannot listen" in output
    assert "ended at once" in output


async def test_workers_need_a_port_of_their_own() -> None:
    async with edge("--workers", "2") as process:
        code, output = await outcome(process)
    assert (code, "KULL_EDGE_PORT" in output) == (1, True)
