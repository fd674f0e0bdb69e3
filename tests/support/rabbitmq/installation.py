"""An installed RabbitMQ: this machine's own, or another one that KULL_TEST_RABBITMQ names."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "KULL_TEST_RABBITMQ"
# The script itself, not the wrapper in /usr/sbin, which insists on the account "rabbitmq".
SCRIPTS = (
    "usr/lib/rabbitmq/bin/rabbitmq-server",  # Debian, Ubuntu, Fedora
    "opt/rabbitmq/sbin/rabbitmq-server",  # the official image, generic Unix archive
    "opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server",
    "usr/local/opt/rabbitmq/sbin/rabbitmq-server",
)
IN_FOLDER = ("rabbitmq-server", "sbin/rabbitmq-server")
# In a mount namespace of its own: what is mounted is gone with the last process in there. The
# folder for temporary files is shared, so that paths mean the same inside and outside. Ordinary
# users' paths lack what only root used to need.
ENTER = """\
PATH=$PATH:/usr/sbin:/sbin
root=$1 shared=$2; shift 2; mkdir -p "$root$shared"
for each in /proc /dev "$shared"; do mount --rbind "$each" "$root$each"; done
exec chroot "$root" "$@\""""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where RabbitMQ's scripts are.

    Attributes:
        script: `rabbitmq-server`; its other scripts are beside it.
        root: the root folder of the system it belongs to, if that is not this one.
    """

    script: Path
    root: Path | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return what runs one of its scripts; arguments are of the system that it belongs to."""
        return self._entered([str(self._inside(self.script.with_name(program))), *arguments])

    def epmd(self, *arguments: str) -> list[str]:
        """Return what runs Erlang's port mapper."""
        return self._entered(["epmd", *arguments])

    def version(self) -> str:
        """Return its version, such as "4.0.5"; empty when nothing tells it."""
        known = re.search(r"rabbitmq_server-(\d+(?:\.\d+)+)", str(self.script.resolve()))
        if known:
            return known[1]
        told = subprocess.run(
            self.command("rabbitmqctl", "version"), capture_output=True, text=True, check=False
        )
        return told.stdout.strip()

    def _inside(self, path: Path) -> Path:
        return Path("/") / path.relative_to(self.root) if self.root else path

    def _entered(self, command: list[str]) -> list[str]:
        if self.root is None:
            return command
        # Ordinary users are root in a namespace of their own, where the kernel allows that.
        enter = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
        shared = str(Path(tempfile.gettempdir()).resolve())
        return [*enter, "sh", "-ec", ENTER, "sh", str(self.root), shared, *command]


def find() -> Installation | None:
    """Return the installation that the tests start RabbitMQ from, if there is one.

    KULL_TEST_RABBITMQ names a `rabbitmq-server`, a folder that has one, or the root folder of a
    whole system (such as `debootstrap` makes), which is then entered by `chroot`.

    Raises:
        ValueError: KULL_TEST_RABBITMQ names something else.
    """
    given = os.environ.get(VARIABLE)
    return named(Path(given)) if given else installed()


def installed() -> Installation | None:
    """Return that of this machine's package, if there is one."""
    scripts = (Path("/", path) for path in SCRIPTS)
    return next((Installation(script) for script in scripts if script.exists()), None)


def named(place: Path) -> Installation:
    """Return the one that a path names, see `find`. Raises ValueError."""
    place = place.resolve()
    if place.is_file():
        return Installation(place)
    for script in (place / path for path in SCRIPTS):
        if script.exists():
            return Installation(script, root=place)
    for script in (place / path for path in IN_FOLDER):
        if script.exists():
            return Installation(script)
    raise ValueError(f"{VARIABLE}={place} has no rabbitmq-server")
