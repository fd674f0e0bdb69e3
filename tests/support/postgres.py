"""PostgreSQL for tests: found, started, shared, and a fresh database for each test.

`python -m tests.support.postgres` runs one in the foreground and prints its URL.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support import freezing, keeper
from tests.support.ports import free_port
from tests.support.processes import children, has_ended

START_SECONDS = 60.0
IMAGE = "postgres:17"


def binaries() -> Path | None:
    """Return the folder of initdb and postgres of the newest installed version."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[4])
    )
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


class Postgres:
    """A server of our own in a temporary folder; it starts again with the same data and port."""

    def __init__(self) -> None:
        folder = binaries()
        if folder is None:
            raise FileNotFoundError("no initdb in /usr/lib/postgresql or the PATH")
        self._bin = folder
        self._directory = Path(tempfile.mkdtemp(prefix="kull-postgres-"))
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self._user = "nobody" if os.getuid() == 0 else None
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self._directory, account.pw_uid, account.pw_gid)
        password = self._directory / "password"
        password.write_text("kull")
        password.chmod(0o644)
        self._run(
            "initdb",
            "--auth=scram-sha-256",
            "--username=kull",
            f"--pwfile={password}",
            "--encoding=UTF8",
            "--no-sync",
        )

    @property
    def url(self) -> str:
        """The URL of the maintenance database."""
        return f"postgresql://kull:kull@127.0.0.1:{self._port}/postgres"

    @property
    def pid(self) -> int:
        """The process of the running server."""
        assert self._process is not None, "PostgreSQL is not running"
        return self._process.pid

    def start(self) -> None:
        """Start it and return when it serves. Raises RuntimeError with its log."""
        options = {
            "port": self._port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_buffers": "64MB",
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self._directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._data, *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                user=self._user,
                start_new_session=True,
            )
        wait_for(self.url, self._log)

    def insist_on_tls(self, certificate: Path, key: Path) -> None:
        """Take connections over TLS only, with this certificate, from the next start on."""
        for source, name in ((certificate, "server.crt"), (key, "server.key")):
            copied = Path(shutil.copy(source, self._data / name))
            copied.chmod(0o600)
            if self._user:
                shutil.chown(copied, self._user)
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write("\nssl = on\n")
        (self._data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")

    def stop(self) -> None:
        """Stop it, ending its connections. Its data stays."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill all its processes as a power cut would. Its data stays."""
        if self._process is not None:
            self.freeze()
            pids = [self.pid, *children(self.pid)]
            freezing.signal_all(signal.SIGKILL, pids)
            self._process.wait()
            self._process = None
            # A new server refuses to start beside children of the old one.
            deadline = time.monotonic() + 5
            while not all(map(has_ended, pids)) and time.monotonic() < deadline:
                time.sleep(0.01)

    def freeze(self) -> None:
        """Stop all its processes; connections stay open, and nobody answers."""
        freezing.freeze(self.pid)  # first: it then starts no further process
        freezing.freeze(*children(self.pid))

    def thaw(self) -> None:
        """Let them go on."""
        freezing.thaw(*children(self.pid), self.pid)

    def promote(self) -> None:
        """Start it again as the standby that takes over: on a new timeline."""
        self.stop()
        (self._data / "standby.signal").touch()
        self.start()
        with psycopg.connect(self.url, autocommit=True) as db:
            db.execute("SELECT pg_promote()")

    def copy(self, url: str, to_url: str) -> None:
        """Dump a database and read the dump into another one."""
        dump = subprocess.run([self._bin / "pg_dump", url], capture_output=True, check=True)
        subprocess.run(
            [self._bin / "psql", "--quiet", "--set=ON_ERROR_STOP=1", to_url],
            input=dump.stdout,
            capture_output=True,
            check=True,
        )

    def close(self) -> None:
        """End it and delete the data. Idempotent."""
        if self._process is not None:
            self.thaw()
        self._end(signal.SIGQUIT)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def _log(self) -> str:
        return (self._directory / "server.log").read_text()[-2000:]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, "-D", self._data, *arguments],
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
            cwd=self._directory,
            timeout=START_SECONDS,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")


def wait_for(url: str, log: Callable[[], str] = lambda: "") -> None:
    """Return when the server answers. Raises RuntimeError."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not serve: {error} {log()}") from error
            time.sleep(0.05)


@contextmanager
def found() -> Iterator[str]:
    """Start a PostgreSQL, of this machine's package or in a container, and give its URL.

    Raises RuntimeError.
    """
    if binaries() is None:
        with _container() as url:
            yield url
        return
    server = Postgres()
    try:
        server.start()
        yield server.url
    finally:
        server.close()


@contextmanager
def _container() -> Iterator[str]:
    from docker.client import DockerClient  # slow to import, and rarely needed
    from docker.errors import DockerException

    try:
        client = DockerClient.from_env()
        container = client.containers.run(
            os.environ.get("KULL_POSTGRES_IMAGE", IMAGE),
            detach=True,
            remove=True,
            environment={"POSTGRES_USER": "kull", "POSTGRES_PASSWORD": "kull"},
            ports={"5432/tcp": ("127.0.0.1", None)},
        )
    except DockerException as error:
        raise RuntimeError(
            f"no PostgreSQL package is installed, and no container: {error}"
        ) from error
    try:
        container.reload()
        port = container.ports["5432/tcp"][0]["HostPort"]
        url = f"postgresql://kull:kull@127.0.0.1:{port}/kull"
        wait_for(url)
        yield url
    finally:
        container.stop(timeout=5)
        client.close()


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """Create an empty database, give its URL, and drop it afterwards."""
    name = f"kull_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{url.rpartition('/')[0]}/{name}"
        finally:
            db.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _running() -> Iterator[tuple[str, str]]:
    from tests.support import machine  # which looks for what this module finds

    machine.need("postgres")
    with found() as url:
        yield url, json.dumps(url)


if __name__ == "__main__":
    keeper.main(_running, __doc__)
