"""A RabbitMQ cluster, a node on each host."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import httpx

from tests.cluster.network import Host
from tests.support import freezing
from tests.support.rabbitmq import installation

START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 30.0
# Seconds without a tick after which nodes count each other as gone; RabbitMQ's default is 60.
TICK_SECONDS: Final = 8
CONFIG: Final = """\
listeners.tcp.1 = {address}:5672
management.tcp.ip = {address}
management.tcp.port = 15672
loopback_users = none
log.file.level = warning
disk_free_limit.absolute = 10MB
cluster_partition_handling = {handling}
cluster_formation.peer_discovery_backend = classic_config
{nodes}
"""


class Node:
    """One node. It starts again with the same data."""

    def __init__(self, host: Host, folder: Path, *, hosts: Sequence[Host], handling: str) -> None:
        found = installation.find()
        assert found is not None, "no RabbitMQ is installed"
        self.host = host
        self._installed = found
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        nodes = "\n".join(
            f"cluster_formation.classic_config.nodes.{number} = {_name(each)}"
            for number, each in enumerate(hosts, 1)
        )
        config = CONFIG.format(address=host.address, handling=handling, nodes=nodes)
        (folder / "rabbitmq.conf").write_text(config)
        (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (folder / "rabbitmq-env.conf").touch()
        cookie = folder / ".erlang.cookie"
        cookie.write_text("kull")
        cookie.chmod(0o400)
        self._environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_NODENAME": _name(host),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel net_ticktime {TICK_SECONDS}",
        }

    def start(self) -> None:
        """Start it, and do not wait: the first nodes of a cluster wait for each other."""
        with (self._folder / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                self.host.command(*self._installed.command("rabbitmq-server")),
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Return when it serves. Raises RuntimeError with its log."""
        deadline = time.monotonic() + START_SECONDS
        while not self._serves():
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"{self.host} has ended:\n{self._log()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.host} does not serve:\n{self._log()}")
            time.sleep(0.2)

    def kill(self) -> None:
        """Kill it as a power cut would. Its data stays."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it in good order. Its data stays."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop all its processes; connections stay open, and nobody answers."""
        assert self._process is not None
        freezing.freeze(*freezing.group(self._process.pid))

    def thaw(self) -> None:
        """Let them go on."""
        assert self._process is not None
        freezing.thaw(*freezing.group(self._process.pid))

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` there, and return what it prints. Raises CalledProcessError."""
        return self._run("rabbitmqctl", *arguments)

    def upgrade(self, *arguments: str) -> str:
        """The same with `rabbitmq-upgrade`."""
        return self._run("rabbitmq-upgrade", *arguments)

    def _run(self, program: str, *arguments: str) -> str:
        command = self._installed.command(program, "--longnames", *arguments)
        done = subprocess.run(
            self.host.command(*command),
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def ask(self, path: str) -> httpx.Response:
        """Ask the management plugin."""
        url = f"http://{self.host.address}:15672/api/{path}"
        return httpx.get(url, auth=("guest", "guest"), timeout=5)

    def close(self) -> None:
        """End it, and its port mapper. Idempotent."""
        self.kill()
        subprocess.run(
            self.host.command(*self._installed.epmd("-kill")), capture_output=True, check=False
        )

    def _serves(self) -> bool:
        try:
            return self.ask("health/checks/local-alarms").is_success
        except httpx.TransportError:
            return False

    def _log(self) -> str:
        return (self._folder / "console.log").read_text(errors="replace")[-3000:]

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        freezing.signal_all(how, freezing.group(process.pid))
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            freezing.signal_all(signal.SIGKILL, freezing.group(process.pid))
            process.wait()


class BrokerCluster:
    """All nodes. `with BrokerCluster(hosts) as brokers` starts them, as one cluster."""

    def __init__(self, hosts: Sequence[Host], *, handling: str = "pause_minority") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="kull-cluster-"))
        self.nodes = [
            Node(host, self._folder / str(number), hosts=hosts, handling=handling)
            for number, host in enumerate(hosts)
        ]

    @property
    def url(self) -> str:
        """The URL of the default virtual host, with all hosts."""
        hosts = ",".join(f"{node.host.address}:5672" for node in self.nodes)
        return f"amqp://guest:guest@{hosts}/"

    def members(self) -> list[str]:
        """Return the addresses of the nodes that run, as the first that answers tells."""
        for node in self.nodes:
            try:
                told = node.ask("nodes").json()
            except (httpx.TransportError, ValueError):
                continue
            return sorted(each["name"].partition("@")[2] for each in told if each["running"])
        return []

    def leaders(self) -> dict[str, str]:
        """Return the address of each quorum queue's leader, by its name."""
        for node in self.nodes:
            try:
                told = node.ask("queues").json()
            except (httpx.TransportError, ValueError):
                continue
            return {
                each["name"]: str(each.get("leader", each.get("node"))).partition("@")[2]
                for each in told
            }
        return {}

    def __enter__(self) -> Self:
        """Start all nodes and wait until they are one cluster."""
        try:
            for node in self.nodes:
                node.start()
            for node in self.nodes:
                node.wait()
            deadline = time.monotonic() + START_SECONDS
            while len(self.members()) < len(self.nodes):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the nodes are no cluster: {self.members()}")
                time.sleep(0.2)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all nodes and delete their data."""
        for node in self.nodes:
            node.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _name(host: Host) -> str:
    return f"kull@{host.address}"
