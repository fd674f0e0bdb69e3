"""PostgreSQL on a host of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.cluster.network import Host
from tests.support.postgres import binaries, wait_for

PORT: Final = 5432
STOP_SECONDS: Final = 20.0


class Database:
    """One server. It starts again with the same data."""

    def __init__(self, host: Host) -> None:
        folder = binaries()
        assert folder is not None, "no PostgreSQL is installed"
        self.host = host
        self._bin = folder
        self._directory = Path(tempfile.mkdtemp(prefix="kull-cluster-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        account = pwd.getpwnam("nobody")  # PostgreSQL refuses to run as root
        os.chown(self._directory, account.pw_uid, account.pw_gid)
        password = self._directory / "password"
        password.write_text("kull")
        password.chmod(0o644)
        subprocess.run(
            [
                *(self._bin / "initdb", "-D", self._data, "--auth=scram-sha-256"),
                *("--username=kull", f"--pwfile={password}", "--encoding=UTF8", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            user="nobody",
            cwd=self._directory,
        )
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet scram-sha-256\n")

    @property
    def url(self) -> str:
        """The URL of the maintenance database."""
        return f"postgresql://kull:kull@{self.host.address}:{PORT}/postgres"

    def start(self) -> None:
        """Start it and return when it serves. Raises RuntimeError."""
        options = {
            "port": PORT,
            "listen_addresses": self.host.address,
            "unix_socket_directories": "",
            "max_connections": 100,
            "shared_buffers": "64MB",
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self._directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.host.command(
                    *("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"),
                    *(str(self._bin / "postgres"), "-D", str(self._data), *arguments),
                ),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        wait_for(self.url, lambda: (self._directory / "server.log").read_text()[-2000:])

    def close(self) -> None:
        """End it and delete the data. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            process.wait(STOP_SECONDS)
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._directory / "data"
