"""The things that tests need and the project does not bring: how each is found and installed."""

from __future__ import annotations

import functools
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support import postgres
from tests.support.machine import apt
from tests.support.machine.apt import CannotInstall
from tests.support.machine.programs import Program, at_least, program, version
from tests.support.rabbitmq import installation

ROOT: Final = Path(__file__).parents[3]
NODE: Final = (20, 19)  # the oldest that Vite runs on
PROMTOOL: Final = "github.com/prometheus/prometheus/cmd/promtool@v0.316.0"  # of Prometheus 3.16
PROMTOOL_FOLDER: Final = ROOT / "build/promtool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Something that tests need.

    Attributes:
        title: for people.
        find: returns it, None when it is not there. Raises CannotInstall when it is named wrongly.
        install: gets it. Raises CannotInstall; afterwards `find` is asked again.
        help: what a person can do.
        requires: names of the things that `install` needs.
    """

    title: str
    find: Callable[[], Program | None]
    install: Callable[[], None]
    help: str
    requires: tuple[str, ...] = ()


def _packages(*names: str) -> Callable[[], None]:
    return functools.partial(apt.install, *names)


def _cannot() -> None:
    raise CannotInstall("it is not ours to install")


def _rabbitmq_server() -> Program | None:
    try:
        found = installation.find()
    except ValueError as error:
        raise CannotInstall(str(error)) from error
    return Program(str(found.script), found.version()) if found else None


def _postgres_server() -> Program | None:
    folder = postgres.binaries()
    if folder is None:
        return None
    return Program(str(folder), version([str(folder / "postgres"), "--version"]))


def _given_or(variable: str, server: Callable[[], Program | None]) -> Callable[[], Program | None]:
    """Look for a service as tests that only talk to it do: a URL, a package, Docker."""

    def find() -> Program | None:
        if os.environ.get(variable):
            return Program(variable)
        return server() or _docker_engine()

    return find


def _docker_engine() -> Program | None:
    from docker.client import DockerClient  # slow to import, and rarely needed
    from docker.errors import DockerException

    # The SDK leaks a socket when there is nothing to connect to.
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        return None
    try:
        client = DockerClient.from_env(timeout=10)
    except DockerException:
        return None
    try:
        return Program("Docker", str(client.version()["Version"]))
    except DockerException:
        return None
    finally:
        client.close()


def _docker_compose() -> Program | None:
    docker = shutil.which("docker")
    found = version([docker, "compose", "version"]) if docker else ""
    return Program(f"{docker} compose", found) if found else None


def _node() -> Program | None:
    found = program("node")
    if found is None or shutil.which("npm") is None or not at_least(found.version, NODE):
        return None
    return found


def _install_node() -> None:
    offered = apt.candidate("nodejs")
    if not at_least(offered, NODE):
        raise CannotInstall(f"the package nodejs is {offered or 'not known'} here")
    apt.install("nodejs", "npm")


def _web_packages() -> Program | None:
    folder = ROOT / "clients/web/node_modules"
    return Program(str(folder)) if (folder / ".package-lock.json").exists() else None


def _install_web_packages() -> None:
    _run("make", "--no-print-directory", "clients/web/node_modules/.package-lock.json")


def _page() -> Program | None:
    from kull_mesh.play import page  # slow to import, and rarely needed

    folder = page.built()
    return Program(str(folder)) if folder else None


def _build_page() -> None:
    _run("make", "--no-print-directory", "page")


def _bench_packages() -> Program | None:
    importlib.invalidate_caches()
    if not all(importlib.util.find_spec(name) for name in ("picows", "socketio", "uvloop")):
        return None
    return Program("bench/requirements.txt")


def _install_bench_packages() -> None:
    if sys.prefix == sys.base_prefix:
        raise CannotInstall("this Python is no environment of the project's own")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes")
    _run(*pip, "-r", "bench/requirements.txt")


def _build_promtool() -> None:
    if not os.environ.get("KULL_TEST_BUILD_PROMTOOL"):
        raise CannotInstall("it is built, which takes minutes of a core")
    if shutil.which("go") is None:
        raise CannotInstall("Go is not there to build it")
    PROMTOOL_FOLDER.mkdir(parents=True, exist_ok=True)
    _run("env", f"GOBIN={PROMTOOL_FOLDER}", "go", "install", PROMTOOL)


def _run(*command: str) -> None:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(command, cwd=ROOT, env=ours, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or done.stdout.strip().splitlines() or [""])[-1]
        raise CannotInstall(f"{' '.join(command[-2:])} failed: {last}")


_RABBITMQ: Final = "apt-get install rabbitmq-server, or name one in KULL_TEST_RABBITMQ"
_POSTGRES: Final = "apt-get install postgresql"
_OURS_TO_STOP: Final = ", since these tests stop and start it"

# The order is that in which they are looked for: a server of our own serves those who only talk.
THINGS: Final[Mapping[str, Thing]] = {
    "rabbitmq_server": Thing(
        title="RabbitMQ",
        find=_rabbitmq_server,
        install=_packages("rabbitmq-server"),
        help=_RABBITMQ + _OURS_TO_STOP,
    ),
    "rabbitmq": Thing(
        title="RabbitMQ",
        find=_given_or("KULL_TEST_AMQP_URL", _rabbitmq_server),
        install=_packages("rabbitmq-server"),
        help=f"{_RABBITMQ}, or start Docker, or set KULL_TEST_AMQP_URL",
    ),
    "postgres_server": Thing(
        title="PostgreSQL",
        find=_postgres_server,
        install=_packages("postgresql"),
        help=_POSTGRES + _OURS_TO_STOP,
    ),
    "postgres": Thing(
        title="PostgreSQL",
        find=_given_or("KULL_TEST_POSTGRES_URL", _postgres_server),
        install=_packages("postgresql"),
        help=f"{_POSTGRES}, or start Docker, or set KULL_TEST_POSTGRES_URL",
    ),
    "redis_server": Thing(
        title="Redis",
        find=lambda: program("redis-server"),
        install=_packages("redis-server"),
        help="apt-get install redis-server",
    ),
    "bench_packages": Thing(
        title="the bench's own",
        find=_bench_packages,
        install=_install_bench_packages,
        help="pip install -r bench/requirements.txt",
    ),
    "promtool": Thing(
        title="promtool",
        find=lambda: program(
            str(PROMTOOL_FOLDER / "promtool"), "promtool", variable="KULL_TEST_PROMTOOL"
        ),
        install=_build_promtool,
        help="make alerts, or name one in KULL_TEST_PROMTOOL",
    ),
    "docker": Thing(
        title="Docker",
        find=_docker_engine,
        install=_cannot,
        help="start an engine, or name one in DOCKER_HOST",
    ),
    "docker_compose": Thing(
        title="Docker Compose",
        find=_docker_compose,
        install=_cannot,
        help="install Docker's command line with Compose v2",
    ),
    "node": Thing(
        title="Node",
        find=_node,
        install=_install_node,
        help="install Node 20.19 or later with npm",
    ),
    "web_packages": Thing(
        title="the web SDK's own",
        find=_web_packages,
        install=_install_web_packages,
        help="npm ci in clients/web",
        requires=("node",),
    ),
    "demo_page": Thing(
        title="the demo's page",
        find=_page,
        install=_build_page,
        help="make page",
        requires=("node",),
    ),
    "chromium": Thing(
        title="Chromium",
        find=lambda: program(
            "chromium", "chromium-browser", "google-chrome", variable="KULL_TEST_CHROMIUM"
        ),
        install=_packages("chromium"),
        help="apt-get install chromium, or set KULL_TEST_CHROMIUM",
    ),
    "firefox": Thing(
        title="Firefox",
        find=lambda: program("firefox-esr", "firefox", variable="KULL_TEST_FIREFOX"),
        install=_packages("firefox-esr"),
        help="apt-get install firefox-esr, or set KULL_TEST_FIREFOX",
    ),
}
