"""The Python that servers run on, ours and the rivals': built with profiles where there is one.

Distributions build Python with profile-guided optimization, which makes it a fifth faster; what
`pyenv`, `uv` and images of containers bring may be built without. Packages are this environment's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
# What the mesh's processes are made of, beside what is installed.
PACKAGES: Final = ("protos", "producers", "gateway", "router", "edge", "mesh")
_OPTION: Final = "KULL_BENCH_PYTHON"


@cache
def path() -> str:
    """Return the interpreter: KULL_BENCH_PYTHON, or the distribution's, or this one."""
    major, minor = sys.version_info[:2]
    of_distribution = Path(f"/usr/bin/python{major}.{minor}")  # another version has other packages
    default = str(of_distribution) if of_distribution.exists() else sys.executable
    return os.environ.get(_OPTION, default)


def environment(packages: Sequence[Path] = ()) -> dict[str, str]:
    """Return what lets it find this environment's packages, and of ours those in `packages`."""
    ours = packages or [ROOT / each for each in PACKAGES]
    found = [*ours, ROOT, Path(sysconfig.get_path("purelib"))]
    return {"PYTHONPATH": os.pathsep.join(map(str, found))}


@cache
def version() -> str:
    """Return what it says of itself, and whose it is. Raises CalledProcessError."""
    ask = "import platform; print(platform.python_version())"
    done = subprocess.run([path(), "-c", ask], check=True, capture_output=True, text=True)
    whose = "the distribution's" if path().startswith("/usr/bin/") else "not the distribution's"
    return f"{done.stdout.strip()}, {whose}"
