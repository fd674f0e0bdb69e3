"""Installs Debian packages, where this process may."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys

OPTIONS = ("-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=2")
WITHIN = 1200.0  # seconds


class CannotInstall(RuntimeError):
    """A thing cannot be installed here; the text says why."""


def install(*packages: str) -> None:
    """Install packages and nothing that they only recommend. Raises CannotInstall."""
    _update()
    names = " ".join(packages)
    sys.stderr.write(f"installing {names} (apt-get)\n")
    sys.stderr.flush()
    done = _apt("install", "-y", "--no-install-recommends", *packages)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no word"])[-1]
        raise CannotInstall(f"apt-get install {names} failed: {last}")


def candidate(package: str) -> str:
    """Return the version that `install` would bring; empty: none. Raises CannotInstall."""
    _update()
    done = subprocess.run(
        ["apt-cache", "policy", package], capture_output=True, text=True, check=False
    )
    found = re.search(r"Candidate: (?!\(none\))(\S+)", done.stdout)
    return found[1] if found else ""


@functools.cache
def _update() -> None:
    if shutil.which("apt-get") is None:
        raise CannotInstall("there is no apt-get to install it")
    if os.geteuid() != 0:
        raise CannotInstall("it can be installed by root only")
    _apt("update")  # one source that does not answer must not hide the others


def _apt(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Runlevel 1: the services that come with the packages are not started, tests run their own.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    try:
        return subprocess.run(
            ["apt-get", *OPTIONS, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=WITHIN,
        )
    except subprocess.TimeoutExpired:
        raise CannotInstall(f"apt-get {arguments[0]} did not end in {WITHIN:.0f} s") from None
