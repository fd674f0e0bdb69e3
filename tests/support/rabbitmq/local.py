"""A RabbitMQ of our own, from the package installed on this machine, in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from tests.support import freezing
from tests.support.ports import free_port
from tests.support.rabbitmq import installation
from tests.support.rabbitmq.endpoint import Endpoint

START_SECONDS = 90
STOP_SECONDS = 20
ALARM_SECONDS = 30
# Messages may be as large as RabbitMQ let them be before 4.0: what our limits do is tested.
CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {api}
log.file.level = warning
disk_free_limit.absolute = 10MB
max_message_size = 134217728
"""


def installed_script() -> Path | None:
    """Return the server script that a `RabbitMQ` starts, if there is one."""
    found = installation.find()
    return found.script if found else None


class RabbitMQ:
    """One RabbitMQ node with its own epmd; it starts again on the same ports, with the same data.

    All methods block; from a test's event loop call them through `asyncio.to_thread`.
    `plugins` are enabled beside the management plugin, `config` is added to rabbitmq.conf.
    """

    def __init__(self, *, plugins: Sequence[str] = (), config: str = "") -> None:
        installed = installation.find()
        if installed is None:
            raise FileNotFoundError("no rabbitmq-server is installed")
        self._installed = installed
        self._directory = Path(tempfile.mkdtemp(prefix="kull-rabbitmq-"))
        self._ports = {name: free_port() for name in ("amqp", "api", "dist", "epmd")}
        self._environment = self._prepare(["rabbitmq_management", *plugins], config)
        self._epmd: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = Endpoint(
            amqp=f"amqp://guest:guest@127.0.0.1:{self._ports['amqp']}",
            api=f"http://guest:guest@127.0.0.1:{self._ports['api']}",
        )

    @property
    def url(self) -> str:
        """The URL of the default virtual host."""
        return self.endpoint.url()

    @property
    def port(self) -> int:
        """The port for AMQP."""
        return self._ports["amqp"]

    @property
    def pid(self) -> int:
        """The process group of the running node."""
        assert self._process is not None, "RabbitMQ is not running"
        return self._process.pid

    def start(self) -> None:
        """Start the node and return when it serves. Raises RuntimeError with its log."""
        if self._epmd is None:
            port = str(self._ports["epmd"])
            epmd = self._installed.epmd("-port", port, "-address", "127.0.0.1")
            self._epmd = subprocess.Popen(
                epmd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            self._wait("epmd", self._epmd, lambda: _connects(self._ports["epmd"]))
        with (self._directory / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                self._installed.command("rabbitmq-server"),
                env=self._environment,
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own: signals reach the Erlang VM as well
            )
        self._wait("RabbitMQ", self._process, self._serves)

    @property
    def pids(self) -> set[int]:
        """The processes that were started here."""
        return {each.pid for each in (self._process, self._epmd) if each is not None}

    @property
    def running(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop the node in good order. Its data stays."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the node as a power cut would. Its data stays."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop all its processes; connections stay open, and nobody answers."""
        freezing.freeze(*freezing.group(self.pid))

    def thaw(self) -> None:
        """Let them go on."""
        freezing.thaw(*freezing.group(self.pid))

    def close(self) -> None:
        """End everything and delete the data. Idempotent."""
        self.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None
        shutil.rmtree(self._directory, ignore_errors=True)

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` on this node and return what it prints."""
        command = self._installed.command("rabbitmqctl", *arguments)
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def raise_alarm(self, resource: str) -> None:
        """Let the node believe that its "memory" or "disk" is short, until `clear_alarms`."""
        if resource == "memory":
            self.ctl("set_vm_memory_high_watermark", "0.00001")
        else:
            self.ctl("set_disk_free_limit", "1000000GB")
        self._wait_for_alarms(lambda alarms: resource in alarms)

    def clear_alarms(self) -> None:
        """Let the node believe that it has enough of everything."""
        self.ctl("set_vm_memory_high_watermark", "0.6")
        self.ctl("set_disk_free_limit", "10MB")
        self._wait_for_alarms(lambda alarms: alarms.strip() == "[]")

    def _wait_for_alarms(self, wanted: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + ALARM_SECONDS
        while not wanted(alarms := self.ctl("eval", "rabbit_alarm:get_alarms().")):
            if time.monotonic() > deadline:
                raise RuntimeError(f"RabbitMQ's alarms are not as wanted: {alarms}")

    def _prepare(self, plugins: Sequence[str], config: str) -> dict[str, str]:
        directory = self._directory
        (directory / "rabbitmq.conf").write_text(CONFIG.format(**self._ports) + config)
        (directory / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
        (directory / "rabbitmq-env.conf").touch()  # the machine's own settings are none of ours
        ours = {name: value for name, value in os.environ.items() if "RABBITMQ" not in name}
        return ours | {
            "HOME": str(directory),
            "ERL_EPMD_PORT": str(self._ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"kull-{uuid.uuid4().hex[:8]}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._ports["amqp"]),
            "RABBITMQ_DIST_PORT": str(self._ports["dist"]),
            "RABBITMQ_MNESIA_BASE": str(directory / "data"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_CONF_ENV_FILE": str(directory / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        }

    def _serves(self) -> bool:
        if not _speaks_amqp(self.port):
            return False
        try:
            return httpx.get(f"{self.endpoint.api}/api/vhosts", timeout=5).is_success
        except httpx.TransportError:
            return False

    def _wait(self, what: str, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                log = (self._directory / "console.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{what} did not start (exit code {process.poll()}):\n{log}")
            time.sleep(0.1)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def _speaks_amqp(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"  # a method frame: Connection.Start
    except OSError:
        return False
