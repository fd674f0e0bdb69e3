"""`kull console` as a process, and an operator's browser without the browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from kull_gateway import keys
from tests.support.mesh import Process
from tests.support.ports import free_port

PATIENCE = 20.0  # seconds


class Browser:
    """One operator."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, headers={"Origin": url}, timeout=30, trust_env=False)

    def sign_in(self, key: str) -> httpx.Response:
        answer = self.http.post("/console/api/sign-in", json={"key": key})
        if answer.status_code == httpx.codes.OK:
            self.http.headers["X-CSRF-Token"] = answer.json()["me"]["csrf"]
        return answer

    def get(self, path: str, **asked: Any) -> Any:
        answer = self.http.get(f"/console/api/{path}", params=asked)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    def act(self, name: str, **wanted: Any) -> httpx.Response:
        return self.http.post(f"/console/api/actions/{name}", json=wanted)

    def done(self, name: str, **wanted: Any) -> str:
        answer = self.act(name, **wanted)
        assert answer.status_code == httpx.codes.OK, answer.text
        return str(answer.json()["result"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()


class RunningConsole:
    """A console with keys of its own."""

    def __init__(self, folder: Path, routers: str, **settings: str) -> None:
        self.file = folder / "console-keys.json"
        self.reads = keys.add(self.file, service="rita", scopes=["console:read"])
        self.acts = keys.add(self.file, service="anna", scopes=["console:act"])
        self.other = keys.add(self.file, service="billing", scopes=["credit:write"])
        port, metrics_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.metrics = f"http://127.0.0.1:{metrics_port}/metrics"
        env = {
            "KULL_SERVICE_KEYS": str(self.file),
            "KULL_CONSOLE_PORT": str(port),
            "KULL_CONSOLE_METRICS_PORT": str(metrics_port),
            "KULL_CONSOLE_ROUTERS": routers,
            "KULL_LOG_FORMAT": "json",
            **settings,
        }
        self.process = Process("console", "console", env, folder)

    def browser(self, key: str = "") -> Browser:
        """Open a browser, signed in with a key if one is given."""
        opened = Browser(self.url)
        if key:
            assert opened.sign_in(key).status_code == httpx.codes.OK
        return opened


@contextmanager
def running_console(folder: Path, routers: str, **settings: str) -> Iterator[RunningConsole]:
    console = RunningConsole(folder, routers, **settings)
    console.process.start()
    try:
        console.process.wait_until_ready(f"{console.url}/readyz")
        yield console
    finally:
        console.process.stop()


def until(right: Any, ask: Any) -> Any:
    """Ask until the answer is right, and return it."""
    deadline = time.monotonic() + PATIENCE
    while not right(found := ask()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found
