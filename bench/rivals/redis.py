"""A Redis for a rival: in memory, nothing on a disk."""

from __future__ import annotations

from pathlib import Path

from bench.rivals.server import Server


def start(port: int, folder: Path) -> Server:
    """Start one on a port of the loopback interface. Raises FileNotFoundError, RuntimeError."""
    command = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    return Server([*command, "--port", str(port)], port, folder / "redis.log")
