"""`python -m tests.fuzz`: hostile input for the edge's WebSockets and the router's messages."""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time

import structlog

from tests.fuzz import amqp, websocket


def main() -> int:
    """Run both targets and print what came of them; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000, help="for each target")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))

    def told(text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{text}    ")

    print(f"seed {options.seed}, {options.inputs} inputs for each target")
    began = time.perf_counter()
    messages = amqp.fuzz(options.inputs, options.seed, told)
    print(
        f"\namqp: {messages.inputs} inputs, {messages.events} events, {messages.moved} moved on, "
        f"{messages.buried} buried, {len(messages.errors)} errors"
    )
    asyncio.run(websocket.fuzz(2_000, options.seed, told))  # whatever is loaded once is loaded
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    devices = asyncio.run(websocket.fuzz(options.inputs, options.seed, told))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"\nwebsocket: {devices.inputs} inputs, {devices.bytes} bytes, {devices.opened} upgraded, "
        f"{len(devices.errors)} errors, {devices.left_over} connections left over; "
        f"{devices.checks} checks of another session, the slowest {devices.slowest_check:.3f} s; "
        f"{grown:.0f} MB more memory at the peak"
    )
    print(f"{time.perf_counter() - began:.0f} s")
    for error in [*messages.errors, *devices.errors][:20]:
        print("ERROR", error)
    return 1 if messages.errors or devices.errors or devices.left_over else 0


if __name__ == "__main__":
    sys.exit(main())
