"""How many descriptors a process takes, and which it keeps for itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

SAY = """\
import resource
from kull_protos.serving.descriptors import ceiling, raise_limit
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(raise_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0], ceiling())
"""


@pytest.mark.parametrize(
    ("soft", "hard", "peers"), [(64, 128, 96), (64, 64, 32), (32, 32, 1), (1024, 4096, 3840)]
)
def test_the_hard_limit_is_used_and_some_descriptors_are_kept_back(
    soft: int, hard: int, peers: int
) -> None:
    said = subprocess.run(
        [sys.executable, "-c", SAY.format(soft=soft, hard=hard)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert list(map(int, said.stdout.split())) == [hard, hard, peers]
